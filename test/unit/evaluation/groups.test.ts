import { expect, it } from "vitest";
import { GroupReader } from "../../../src/evaluation/groups.ts";

const given = { responses: [], comparisons: [] };

it("groups by times, as JSON writes them", () => {
  const reader = new GroupReader(["day"]);
  expect(reader.groupsOf({ day: new Date(0) }, given)).toEqual({ day: "1970-01-01T00:00:00.000Z" });
  expect(() => reader.check()).not.toThrow();
});

it("cuts no character of a long text in half", () => {
  const reader = new GroupReader(["text"]);
  const groups = reader.groupsOf({ text: "\u{1f600}".repeat(300) }, given);
  expect(groups?.["text"]?.isWellFormed()).toBe(true);
  expect(groups?.["text"]?.length).toBeLessThanOrEqual(200);
});
