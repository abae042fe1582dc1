import { describe, expect, it } from "vitest";
import { isStarlingError } from "../../../src/errors.ts";
import { pythonAdvice, refuseLostType } from "../../../src/prompt/lost-type.ts";
import { parsePythonLiteral } from "../../../src/prompt/python-literal.ts";

function refusal(text: string, isCell: boolean): string | undefined {
  try {
    refuseLostType(text, "chosen", { isCell });
    return undefined;
  } catch (error) {
    if (isStarlingError(error)) return error.message;
    throw error;
  }
}

const messages = [
  "[{'role': 'user', 'content': 'Name a fruit.'}, {'role': 'assistant', 'content': 'An apple.'}]",
  `[{'content': "It's ripe.", 'role': 'user'}]`,
  "[{'role': 'user', 'content': 'a\\n\\'b\\' [1] {x}'}]",
  "[{'content': 'a', 'role': 'user'}\n {'content': 'b', 'role': 'assistant'}]",
  "array([{'content': 'a', 'role': 'user'},\n       {'content': 'b', 'role': 'assistant'}],\n      dtype=object)",
  "array([{'content': 'a', 'role': 'user'}])",
  "{'role': 'assistant', 'content': 'Hi', 'tool_calls': None, 'weight': 1.5e-3}",
  "({'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'})",
  "[[{'role': 'user', 'content': 'a'}]]",
  "[{'from': 'human', 'value': 'a'}, {'from': 'gpt', 'value': 'b'}]",
  "  [{'role': 'user', 'content': 'a', 'ok': True, 'n': nan, 'b': b'x'}]\n",
];

const texts = [
  "['a', 'b']",
  `["it's", 'b']`,
  "['a' 'b']",
  "array(['a', 'b'], dtype=object)",
  "['a'\n 'b']",
  "('a', 'b')",
];

const plain = [
  "[1, 2]",
  "[]",
  "[x",
  "['a', 5]",
  "['a'] and more",
  "see ['a', 'b']",
  "[citation needed]",
  "[{'role': 'user'}]",
  "{'a': 1}",
  "{x}",
  "(a) first (b)",
  "[{'role': 'user', 'content': 'a'}] is a list.",
  "[{'role': 'user', 'content': 'a'}, x]",
  "[".repeat(100_000) + "]".repeat(100_000),
  '["a", "b"]',
  '[{"name": "x"}]',
  "array(",
  "",
];

describe("a text that was a list", () => {
  it.each(messages)("is refused as messages: %j", (text) => {
    expect(parsePythonLiteral(text)).toBeDefined();
    for (const isCell of [true, false])
      expect(refusal(text, isCell)).toMatch(
        /chosen contains the text of a list of messages as Python prints it .*JSON lines/,
      );
    expect(refusal(text, true)).toMatch(/^The column chosen .*JSON in the cell/);
  });

  it.each(texts)("is refused as texts in a cell, and a text elsewhere: %j", (text) => {
    expect(refusal(text, true)).toMatch(/^The column chosen contains the text of a list of texts as Python prints it/);
    expect(refusal(text, false)).toBeUndefined();
    expect(pythonAdvice(text)).toContain("as Python prints it");
  });

  it.each(['[{"role":"user","content":"a"}]', ' {"role":"user","content":"a"} ', '[[{"role":"user","content":"a"}]]'])(
    "is refused as JSON in a text: %j",
    (text) => {
      expect(refusal(text, false)).toMatch(/as the text of its JSON .*write the list itself/);
    },
  );

  it.each(plain)("is a text like others: %#", (text) => {
    for (const isCell of [true, false]) expect(refusal(text, isCell)).toBeUndefined();
  });

  it("is looked at in time that grows with its length", () => {
    const text = `['${"a\\'".repeat(2_000_000)}', x]`;
    expect(refusal(text, true)).toBeUndefined();
    expect(refusal(`['${"\\\\".repeat(4_000_000)}']`, true)).toBeDefined();
  });
});
