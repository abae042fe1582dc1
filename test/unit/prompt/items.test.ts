import { describe, expect, it } from "vitest";
import { isStarlingError } from "../../../src/errors.ts";
import { checkItem } from "../../../src/prompt/items.ts";

function failure(value: unknown): { code: string; message: string } {
  try {
    checkItem(value, "items[3]");
  } catch (error) {
    if (isStarlingError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("expected a refusal");
}

describe("checkItem", () => {
  it("accepts the three shapes and leaves further fields alone", () => {
    expect(checkItem({ text: "a", id: 7 }, "x")).toEqual({ text: "a" });
    expect(checkItem({ prompt: "", response: "" }, "x")).toEqual({ prompt: "", response: "" });
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: "u" },
      { role: "assistant", content: "a" },
    ];
    expect(checkItem({ messages }, "x")).toEqual({ messages });
  });

  it.each([
    [null, /Expected an object .* but received null/],
    ["text", /received "text" of type string/],
    [[1], /received an array of 1/],
    [{}, /exactly one of .* has none of them/],
    [{ text: "a", prompt: "b", response: "c" }, /mixes them/],
    [{ prompt: "b" }, /Expected a string for items\[3\]\.response but received undefined/],
    [{ prompt: 5, response: "c" }, /Expected a string for items\[3\]\.prompt but received 5 of type number/],
    [{ text: ["a"] }, /items\[3\]\.text but received an array of 1/],
    [{ messages: [] }, /non-empty array/],
    [{ messages: [{ role: "user", content: "u" }] }, /last message .* role is "user"/],
    [{ messages: [{ role: "tool", content: "u" }] }, /messages\[0\]\.role but received "tool"/],
    [
      {
        messages: [
          { role: "user", content: "u" },
          { role: "system", content: "s" },
          { role: "assistant", content: "a" },
        ],
      },
      /system turn only as the first message, but items\[3\]\.messages\[1\]/,
    ],
    [{ messages: [{ role: "assistant", content: 1 }] }, /messages\[0\]\.content but received 1/],
  ])("refuses %j in one sentence", (value, pattern) => {
    const { code, message } = failure(value);
    expect(code).toBe("ERR_INVALID_ITEM");
    expect(message).toMatch(pattern);
    expect(message).not.toContain("\n");
  });

  it("refuses an empty text and half a surrogate pair by their own codes", () => {
    expect(failure({ text: "" }).code).toBe("ERR_EMPTY_TEXT");
    expect(failure({ text: "a\ud83d" }).code).toBe("ERR_INVALID_UNICODE");
    expect(failure({ prompt: "\ude00", response: "a" }).code).toBe("ERR_INVALID_UNICODE");
  });
});
