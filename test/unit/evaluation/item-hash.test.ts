import { expect, test } from "vitest";
import { itemHash, promptHash } from "../../../src/evaluation/item-texts.ts";

const turn = (role: "user" | "assistant", content: string) => ({ role, content });

test("items of every shape have names of their own, and nothing is put together without a border", () => {
  const items = [
    { prompt: "a", response: "b" },
    { prompt: "a", response: "c" },
    { prompt: "ab", response: "" },
    { prompt: "", response: "ab" },
    { text: "a" },
    { messages: [turn("user", "a"), turn("assistant", "b")] },
    { messages: [turn("user", "a"), turn("assistant", "b"), turn("user", "a"), turn("assistant", "b")] },
  ];
  const hashes = items.map(itemHash);
  expect(new Set(hashes).size).toBe(items.length);
  for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  // Fields that are not scored do not count.
  expect(itemHash({ prompt: "a", response: "b", id: 7 } as never)).toBe(hashes[0]);
});

test("responses to one prompt have one prompt, however it is written", () => {
  const name = promptHash({ prompt: "a", response: "b" });
  expect(promptHash({ prompt: "a", response: "c" })).toBe(name);
  expect(promptHash({ messages: [turn("user", "a"), turn("assistant", "b")] })).toBe(name);
  expect(promptHash({ prompt: "b", response: "b" })).not.toBe(name);
});
