import { expect, it } from "vitest";
import { clock, progressText, quantity } from "../../../cli/progress-bar.ts";
import { byteSize } from "../../../src/byte-units.ts";

const progress = { label: "scoring", fraction: 0.25, seconds: 60, counts: { rows: 120, tokens: 30_000 } };

it("shows the part done, rates and the time left", () => {
  expect(progressText(progress, 200)).toBe(
    "scoring  [=====>              ]   25%  120 rows  2 rows/s  500 tokens/s  1:00  3:00 left",
  );
});

it("shows no time left where the end is not known", () => {
  const text = progressText({ ...progress, fraction: undefined }, 200);
  expect(text).toBe("scoring  120 rows  2 rows/s  500 tokens/s  1:00");
});

it("never is wider than the terminal", () => {
  for (let columns = 10; columns < 120; columns++) {
    expect(progressText(progress, columns).length).toBeLessThanOrEqual(columns);
  }
  expect(progressText(progress, 20)).toContain("25%");
});

it("makes no rate and no time left of the first moment", () => {
  expect(progressText({ ...progress, fraction: 0, seconds: 0.01 }, 200)).not.toMatch(/left|\/s/);
});

it("writes times, numbers and sizes", () => {
  expect([clock(5), clock(65), clock(3665), clock(59.6)]).toEqual(["0:05", "1:05", "1:01:05", "1:00"]);
  expect([quantity(3.44), quantity(3), quantity(412.4), quantity(12_345), quantity(34e9)]).toEqual([
    "3.4",
    "3",
    "412",
    "12.3k",
    "34000.0M",
  ]);
  expect([byteSize(12), byteSize(1536), byteSize(20 * 2 ** 30)]).toEqual(["12 bytes", "1.50 KiB", "20.0 GiB"]);
});
