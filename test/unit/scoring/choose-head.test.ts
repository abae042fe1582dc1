import { describe, expect, it } from "vitest";
import { checkFitDate } from "../../../src/scoring/choose-head.ts";

const fit = { model: "m", modelSha256: "", cases: 1, ridge: 0 };
const template = (source: string) => ({ source, tokens: {} });
const required = template("{{ strftime_now('%Y') }}");
const optional = template("{{ date_string }}");
const check = (chatTemplate: typeof required | undefined, fitted: string | undefined, date: string | undefined) => () =>
  checkFitDate({ fit: { ...fit, ...(fitted === undefined ? {} : { templateDate: fitted }) }, chatTemplate }, date);

describe("the date of a fitted head", () => {
  it("must be the one that the template writes", () => {
    for (const chatTemplate of [required, optional]) {
      expect(check(chatTemplate, "2024-07-26", "2024-07-26")).not.toThrow();
      expect(check(chatTemplate, "2024-07-26", "2024-07-27")).toThrow(
        /fitted with 2024-07-26 .* is 2024-07-27: set it to/,
      );
      expect(check(chatTemplate, "2024-07-26", undefined)).toThrow(/\(--template-date\) is none: set it to 2024-07-26/);
    }
    expect(check(optional, undefined, "2024-07-27")).toThrow(/fitted with the template's own date .* leave it out/);
    expect(check(optional, undefined, undefined)).not.toThrow();
  });

  it("does not matter where there was none, or the template asks for none", () => {
    expect(check(required, undefined, "2024-07-27")).not.toThrow();
    expect(check(undefined, undefined, "2024-07-27")).not.toThrow();
    expect(check(template("{{ 1 }}"), undefined, undefined)).not.toThrow();
    expect(() => checkFitDate({ chatTemplate: required }, "2024-07-27")).not.toThrow();
  });
});
