import { describe, expect, it } from "vitest";
import { isStarlingError } from "../../../src/errors.ts";
import { conversationWarnings } from "../../../src/prompt/conversation-warnings.ts";
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
    ["text", /received the string "text"/],
    [[1], /received an array of length 1/],
    [{}, /exactly one of .* it has no fields/],
    [{ text: "a", prompt: "b", response: "c" }, /mixes them/],
    [{ prompt: "b" }, /^items\[3\]\.response is missing\.$/],
    [{ prompt: "b", response: null }, /^items\[3\]\.response is missing\.$/],
    [{ prompt: "b", reponse: "c" }, /^items\[3\]\.response is missing\. It has "reponse": did you mean "response"\?$/],
    [{ prompt: "b", responses: ["c"] }, /response is missing\. It has "responses": score .* with rank\(\)\.$/],
    [{ response: "b", promt: "c" }, /^items\[3\]\.prompt is missing\. It has "promt": did you mean "prompt"\?$/],
    [
      { prompt: 5, response: "c" },
      /^Expected a string or an array of \{"role","content"\} for items\[3\]\.prompt but received 5\.$/,
    ],
    [{ text: ["a"] }, /items\[3\]\.text but received an array of length 1/],
    [{ messages: [] }, /non-empty array/],
    [{ messages: [{ role: "user", content: "u" }] }, /last message .* role is "user"/],
    [{ messages: [{ role: "tool", content: "u" }] }, /messages\[0\]\.role but received the string "tool"/],
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

  it("refuses an empty text and a lone surrogate by their own codes", () => {
    expect(failure({ text: "" }).code).toBe("ERR_EMPTY_TEXT");
    expect(failure({ text: "a\ud83d" }).code).toBe("ERR_INVALID_UNICODE");
    expect(failure({ prompt: "\ude00", response: "a" }).code).toBe("ERR_INVALID_UNICODE");
  });
});

describe("what belongs to the input", () => {
  const item = { prompt: "a", response: "b" };

  it("takes null for absent", () => {
    expect(checkItem({ ...item, text: null, messages: null, system: null, tools: null }, "x")).toEqual(item);
    expect(failure({ prompt: null, response: null, text: null }).message).toMatch(/it has only "prompt" \(empty\)/);
  });

  it("has a system turn from the field beside it, an empty one being none", () => {
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ];
    expect(checkItem({ ...item, system: "s" }, "x")).toEqual({ messages });
    expect(checkItem({ ...item, system: "" }, "x")).toEqual(item);
    expect(checkItem({ messages: messages.slice(1), system: "s" }, "x")).toEqual({ messages });
    expect(checkItem({ messages, system: "s" }, "x")).toEqual({ messages });
    expect(failure({ messages, system: "t" }).message).toMatch(/two system turns/);
    expect(failure({ text: "a", system: "t" }).message).toMatch(/both "text" and "system"/);
    expect(failure({ ...item, system: 5 }).message).toMatch(/items\[3\]\.system/);
  });

  it("takes a prompt of several turns", () => {
    const prompt = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
      { role: "user", content: "c" },
    ];
    const messages = [...prompt, { role: "assistant", content: "d" }];
    expect(checkItem({ prompt, response: "d" }, "x")).toEqual({ messages });
    expect(failure({ prompt: messages, response: "d" }).message).toMatch(
      /last message of items\[3\]\.prompt to be the user's/,
    );
  });

  it.each([
    [{ tools: [{ name: "f" }] }, "tools"],
    [{ toolCalls: [{}, { a: 1 }] }, "toolCalls"],
    [{ history: [["a", "b"]] }, "history"],
    [{ context: "c" }, "context"],
    [{ images: ["x.png"] }, "images"],
    [{ system_prompt: "s" }, "system_prompt"],
    [{ Input: "i" }, "Input"],
  ])("is refused where it is not read, by name: %j", (more, name) => {
    const { code, message } = failure({ ...item, ...more });
    expect(code).toBe("ERR_INVALID_ITEM");
    expect(message).toContain(`"${name}"`);
    expect(message).toContain(`--ignore-field ${name}`);
    expect(checkItem({ ...item, ...more }, "x", { ignoreFields: [name] })).toEqual(item);
    const turn = { role: "user", content: "a", ...more };
    expect(failure({ messages: [turn, { role: "assistant", content: "b" }] }).message).toContain(`"${name}"`);
  });

  it.each([
    [{ tools: [] }],
    [{ tools: null }],
    [{ context: "" }],
    [{ images: [null] }],
    [{ functions: {} }],
    [{ history: "[]" }],
    [{ audio: Number.NaN }],
    [{ id: 1, score_chosen: 2, category: "context", source: "x" }],
  ])("is not there where it is empty, and other fields are none of it: %j", (more) => {
    expect(checkItem({ ...item, ...more }, "x")).toEqual(item);
  });

  it("may be nested deeper than the call stack", () => {
    const deep = JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
    expect(failure({ ...item, tools: deep }).message).toContain('"tools"');
  });

  it("ignores fields on purpose, also those that it would read", () => {
    expect(checkItem({ ...item, messages: [], system: "s" }, "x", { ignoreFields: ["messages", "system"] })).toEqual(
      item,
    );
  });

  it("refuses texts that were lists, and parts that are not texts, in words", () => {
    const list = "[{'role': 'user', 'content': 'a'}]";
    for (const value of [{ ...item, prompt: list }, { messages: list }])
      expect(failure(value).message).toMatch(/a list of messages as/);
    for (const value of [{ ...item, response: list }, { text: list }])
      expect(conversationWarnings(checkItem(value, "items[3]"))).toMatchObject([{ code: "LIST_AS_TEXT" }]);
    const content = [
      { type: "text", text: "a" },
      { type: "image_url", image_url: { url: "data:" } },
    ];
    expect(failure({ messages: [{ role: "user", content }] }).message).toBe(
      'items[3].messages[0].content[1] is a part of the type "image_url", which cannot be scored: only "text" parts can.',
    );
  });

  it("has at most 10000 messages", () => {
    const messages = Array.from({ length: 10_001 }, () => ({}));
    expect(failure({ messages }).message).toBe("items[3].messages has 10001 messages; at most 10000 are scored.");
  });
});

describe("messages in the layouts of data sets", () => {
  const plain = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi there" },
    { role: "assistant", content: "Hello" },
  ];

  it.each([
    ["developer", [{ role: "developer", content: "Be brief." }, plain[1], plain[2]]],
    [
      "text parts",
      [
        plain[0],
        {
          role: "user",
          content: [
            { type: "text", text: "Hi " },
            { type: "text", text: "there" },
          ],
        },
        plain[2],
      ],
    ],
    [
      "ShareGPT",
      [
        { from: "system", value: "Be brief." },
        { from: "human", value: "Hi there" },
        { from: "gpt", value: "Hello" },
      ],
    ],
    [
      "ShareGPT's speakers with OpenAI's contents",
      [
        { from: "system", content: "Be brief." },
        { from: "user", content: "Hi there" },
        { from: "assistant", content: "Hello" },
      ],
    ],
    ["a system turn with the other layout's content", [{ role: "system", value: "Be brief." }, ...plain.slice(1)]],
    ["both layouts", [plain[0], { from: "user", value: "Hi there" }, plain[2]]],
  ])("%s", (_, messages) => {
    expect(checkItem({ messages }, "items[3]")).toEqual({ messages: plain });
  });

  it("a system turn without content is none", () => {
    const turns = plain.slice(1);
    for (const empty of [{ role: "system", content: null }, { from: "system", value: null }, { role: "developer" }])
      expect(checkItem({ messages: [empty, ...turns] }, "x")).toEqual({ messages: turns });
    expect(checkItem({ messages: [{ role: "system", content: null }, ...turns], system: "s" }, "x")).toEqual({
      messages: [{ role: "system", content: "s" }, ...turns],
    });
    expect(failure({ messages: [{ role: "system", content: null }] }).message).toMatch(
      /only a system turn without content/,
    );
  });

  it("a prompt and a response may be parts, too", () => {
    const parts = (text: string) => [{ type: "text", text }];
    expect(checkItem({ prompt: parts("a"), response: parts("b") }, "x")).toEqual({ prompt: "a", response: "b" });
  });

  it.each([
    [
      { from: "tool", value: "x" },
      /Expected "system", "human" or "gpt" for items\[3\]\.messages\[0\]\.from but received the string "tool"/,
    ],
    [{ role: "human", content: "x" }, /Expected "system", "user" or "assistant" for items\[3\]\.messages\[0\]\.role/],
    [{ from: "human", text: "x" }, /items\[3\]\.messages\[0\]\.value is missing: expected a string/],
    [
      { role: "user", content: [{ type: "text" }] },
      /items\[3\]\.messages\[0\]\.content\[0\]\.text is missing: expected a string/,
    ],
    [{ content: "x" }, /items\[3\]\.messages\[0\]\.role is missing: expected "system", "user" or "assistant"/],
    [{ role: "user", content: null }, /Expected a string for items\[3\]\.messages\[0\]\.content but received null/],
  ])("%j is refused in words", (message, expected) => {
    expect(failure({ messages: [message, { role: "assistant", content: "a" }] }).message).toMatch(expected);
  });
});
