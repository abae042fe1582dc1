import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";

const { strftime } = createRequire(import.meta.url)("../../../native/child-process/strftime.cjs") as {
  strftime: (date: string, format: string) => string;
};

/** What Python 3's datetime.date.strftime writes in the C locale on Linux. */
describe("strftime", () => {
  it.each([
    ["2024-07-26", "%d %b %Y", "26 Jul 2024"],
    ["2024-07-06", "%B %d, %Y", "July 06, 2024"],
    ["2024-07-06", "%Y-%m-%d", "2024-07-06"],
    ["2024-07-06", "%A, %a %-d %e|%-m|%y", "Saturday, Sat 6  6|7|24"],
    ["2024-12-30", "%j %U %W %V %G %u %w", "365 52 53 01 2025 1 1"],
    ["2021-01-03", "%j %-j %U %W %V %G %g %u %w", "003 3 01 00 53 2020 20 7 0"],
    ["2000-02-29", "%x %D %F %C %h", "02/29/00 02/29/00 2000-02-29 20 Feb"],
    [
      "2024-03-01",
      "%H:%M:%S.%f %I %p %T %R %X|%z%Z|%c",
      "00:00:00.000000 12 AM 00:00:00 00:00 00:00:00||Fri Mar  1 00:00:00 2024",
    ],
    ["2024-03-01", "%-H %-I %k %l %r", "0 12  0 12 12:00:00 AM"],
    ["2024-03-01", "100%% é%n%t語", "100% é\n\t語"],
  ])("writes %s as %j", (date, format, expected) => {
    expect(strftime(date, format)).toBe(expected);
  });

  it.each([
    ["%Q", '"%Q"'],
    ["%s", '"%s"'],
    ["%d %", '"%"'],
    ["%-B", '"%-B"'],
    ["%語", '"%語"'],
  ])("names what it does not know in %j", (format, named) => {
    expect(() => strftime("2024-03-01", format)).toThrow(`${named}, which is not known`);
  });
});
