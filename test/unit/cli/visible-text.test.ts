import { expect, it } from "vitest";
import { padStart, preview, textWidth, visible } from "../../../cli/visible-text.ts";

it("writes what a terminal would obey as escapes", () => {
  expect(visible("a\nb\tc\r")).toBe("a\\nb\\tc\\r");
  expect(visible("\x1b]0;title\x07")).toBe("\\u{1b}]0;title\\u{7}");
  expect(visible("\x9b2J\x7f")).toBe("\\u{9b}2J\\u{7f}");
  expect(visible("\u202eabc\u2066\u200b\ufeff\u2028")).toBe("\\u{202e}abc\\u{2066}\\u{200b}\\u{feff}\\u{2028}");
  expect(visible("\ud800x")).toBe("\\u{d800}x");
});

it("leaves letters of all scripts and emoji as they are", () => {
  for (const text of ["naïve 你好 שלום", "👩‍👩‍👧‍👦", "می‌خواهم", "e\u0301"]) expect(visible(text)).toBe(text);
});

it("knows the width of wide, narrow and combining characters", () => {
  expect(textWidth("abc")).toBe(3);
  expect(textWidth("你好")).toBe(4);
  expect(textWidth("한글")).toBe(4);
  expect(textWidth("ﾊﾛ")).toBe(2);
  expect(textWidth("e\u0301")).toBe(1);
  expect(textWidth("👩‍👩‍👧‍👦")).toBe(2);
  expect(textWidth("❤️")).toBe(2);
  expect(padStart("你", 4)).toBe("  你");
});

it("cuts to the columns that are there, never in the middle of a character", () => {
  expect(preview("hello", 5)).toBe("hello");
  expect(preview("hello!", 5)).toBe("hell…");
  expect(preview("你好吗", 6)).toBe("你好吗");
  expect(preview("你好吗", 5)).toBe("你好…");
  expect(preview("你好吗", 4)).toBe("你…");
  expect(preview("", 4)).toBe("");
  for (let columns = 1; columns < 20; columns++) {
    expect(textWidth(preview("a你\x1b👩‍👩‍👧‍👦e\u0301 שלום\n".repeat(3), columns))).toBeLessThanOrEqual(columns);
  }
});

it("does not let marks pile up", () => {
  expect(preview(`a${"\u0301".repeat(5000)}b`, 10).length).toBeLessThan(300);
});

it("does not look at the whole of a long text", () => {
  const started = process.cpuUsage();
  preview("x\x1b".repeat(10_000_000), 40);
  expect(process.cpuUsage(started).user).toBeLessThan(500_000);
});
