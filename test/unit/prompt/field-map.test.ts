/** Rows of other data sets: their fields by name, and by common names. */
import { describe, expect, it } from "vitest";
import { FieldMap, type FieldMapping, type FieldMapRules } from "../../../src/prompt/field-map.ts";
import type { Fields } from "../../../src/prompt/input-fields.ts";
import { CONTENT_FIELDS, rowItems } from "../../../src/prompt/row-items.ts";

const map = (mapping: FieldMapping = {}, rules: FieldMapRules = {}) => new FieldMap(mapping, CONTENT_FIELDS, rules);
const read = (row: Fields, mapping: FieldMapping = {}, rules: FieldMapRules = {}) => map(mapping, rules).read(row);
const turns = [{ role: "user", content: "q" }];
const whole = [...turns, { role: "assistant", content: "a" }];

describe("named fields", () => {
  it.each<[FieldMapping, Fields, object]>([
    [
      { prompt: "q", response: "a" },
      { q: "Q", a: "A", id: 1 },
      { prompt: "Q", response: "A", id: 1 },
    ],
    [{ prompt: "data.q" }, { data: { q: "Q" }, response: "A" }, { prompt: "Q", response: "A" }],
    [{ prompt: "data.q" }, { "data.q": "Q", response: "A" }, { prompt: "Q", response: "A" }],
    [
      { response: "choices.0.message.content" },
      { prompt: "Q", choices: [{ message: { content: "A" } }] },
      { prompt: "Q", response: "A" },
    ],
    [{ prompt: "q.text" }, { q: '{"text":"Q"}', response: "A" }, { prompt: "Q", response: "A" }],
    [{ response: "list.0.a" }, { prompt: "Q", list: '[{"a":"A"}]' }, { prompt: "Q", response: "A" }],
    [{ response: "list.1" }, { prompt: "Q", list: '["A","B"]' }, { prompt: "Q", response: "B" }],
    [{ prompt: "q" }, { q: "Q", prompt: "old", messages: whole, response: "A" }, { prompt: "Q", response: "A" }],
    [{ text: "t" }, { t: "T", prompt: "old", response: "A" }, { text: "T" }],
    [{ responses: ["a", "b"] }, { prompt: "Q", a: "A", b: "B" }, { prompt: "Q", responses: ["A", "B"] }],
    [
      { prompt: ["i", "j"], response: "a" },
      { i: "I", j: "J", a: "A" },
      { prompt: "I\n\nJ", response: "A" },
    ],
    [
      { prompt: ["i", "j"], response: "a" },
      { i: "I", j: "", a: "A" },
      { prompt: "I", response: "A" },
    ],
    [{ system: "s" }, { prompt: "Q", response: "A" }, { prompt: "Q", response: "A", system: undefined }],
  ])("%j of %j", (mapping, row, expected) => {
    expect(read(row, mapping).fields).toEqual(expected);
  });

  it("that a row or a table does not have are an error with what it has", () => {
    expect(() => read({ question: "Q" }, { prompt: "questoin" })).toThrow(
      'The row has no "questoin" to read prompt from: it has "question".',
    );
    expect(map({ prompt: "questoin" }).tableProblem(["question", "b"], "rows")).toBe(
      'has no column "questoin" to read prompt from: its columns are "question", "b"',
    );
  });

  it.each([
    [{ promt: "q" }, /received "promt"\. Did you mean "prompt"\?/],
    [{ response: ["a", "b"] }, /one field for response but received 2/],
    [{ prompt: "" }, /the field of prompt/],
    [{ __proto__x: "q" }, /Expected one of/],
  ])("%j is refused", (mapping, message) => {
    expect(() => map(mapping as FieldMapping)).toThrow(message);
  });
});

describe("common names", () => {
  it.each<[Fields, object, string | undefined]>([
    [
      { question: "Q", answer: "A" },
      { prompt: "Q", response: "A" },
      'reading prompt from "question", response from "answer"',
    ],
    [
      { Prompt: "Q", Completion: "A" },
      { prompt: "Q", response: "A" },
      'reading prompt from "Prompt", response from "Completion"',
    ],
    [
      { instruction: "Q", input: "", output: "A" },
      { prompt: "Q", response: "A", input: "" },
      'reading prompt from "instruction", response from "output"',
    ],
    [
      { input: "J", instruction: "I", output: "A", id: 1 },
      { prompt: "I\n\nJ", response: "A", id: 1 },
      'reading prompt from "instruction" and "input", response from "output"',
    ],
    [
      { instruction: "I", input: "I", output: "A" },
      { prompt: "I", response: "A" },
      'reading prompt from "instruction", response from "output"',
    ],
    [{ prompt: "Q", outputs: ["A", "B"] }, { prompt: "Q", responses: ["A", "B"] }, 'reading responses from "outputs"'],
    [
      { query: "Q", output: ["A", "B"] },
      { prompt: "Q", responses: ["A", "B"] },
      'reading prompt from "query", responses from "output"',
    ],
    [{ conversations: whole }, { messages: whole }, 'reading messages from "conversations"'],
    [
      { conversations: whole, answer: "42" },
      { messages: whole, answer: "42" },
      'reading messages from "conversations"',
    ],
    [
      { conversations: turns, answer: "A" },
      { messages: turns, response: "A" },
      'reading messages from "conversations", response from "answer"',
    ],
    [
      { system_prompt: "S", prompt: "Q", response: "A" },
      { system: "S", prompt: "Q", response: "A" },
      'reading system from "system_prompt"',
    ],
    [
      { prompt: "Q", chosen: "A", rejected: "B" },
      { prompt: "Q", response: "A", rejected: "B" },
      'reading response from "chosen"; "rejected" is not scored',
    ],
    [
      { prompt: "q", chosen: whole, rejected: whole },
      { prompt: null, messages: whole, rejected: whole },
      'reading messages from "chosen"; "rejected" is not scored',
    ],
    [
      { question: "Q", query: "Q", answer: "A" },
      { prompt: "Q", response: "A" },
      'reading prompt from "question", response from "answer"',
    ],
    [{ prompt: "Q", response: "A", answer: "B" }, { prompt: "Q", response: "A", answer: "B" }, undefined],
    [{ text: "T", question: "Q" }, { text: "T", question: "Q" }, undefined],
  ])("%j", (row, fields, notice) => {
    const found = read(row);
    expect(found.fields).toMatchObject(fields);
    expect(found.notice).toBe(notice);
  });

  it("of a preference are both responses where several are wanted", () => {
    const both = { prompt: "Q", chosen: "A", rejected: [{ role: "assistant", content: "B" }] };
    expect(read(both, {}, { many: true }).fields).toEqual({ prompt: "Q", responses: ["A", "B"] });
  });

  it.each([
    [
      { question: "I", input: "J", output: "A" },
      /"question" and "input", each of which could be the prompt: name one \(--field prompt=question --ignore-field input\), or join them \(--field prompt=question --field prompt=input\)/,
    ],
    [
      { instruction: "I", input: { a: 1 }, output: "A" },
      /"instruction" and "input", each of which could be the prompt/,
    ],
    [
      { question: "Q", answer: "A", output: "B" },
      /"answer" and "output", each of which could be the response: name one \(--field response=answer\)/,
    ],
    [{ question: "Q", conversations: whole }, /each of which could be the prompt/],
    [
      { prompt: "other", chosen: whole },
      /"chosen" is a conversation that does not contain the row's prompt: name what to score \(--field messages=chosen\)/,
    ],
  ])("%j is refused in words", (row, message) => {
    expect(() => read(row)).toThrow(message);
  });

  it("of columns are known before any row is scored", () => {
    expect(map().tableProblem(["question", "answer"], "rows")).toBeUndefined();
    expect(map({ prompt: "q" }).tableProblem(["q", "output"], "rows")).toBeUndefined();
    expect(map().tableProblem(["frage", "antwort"], "rows")).toMatch(
      /cannot be read as rows: its columns are "frage", "antwort" \(--field/,
    );
  });
});

describe("a row", () => {
  const items = (row: Fields, isCsv = false) => rowItems(row, { isCsv });

  it("may be a conversation with the responses to it", () => {
    expect(items({ messages: turns, responses: ["a", "b"] })).toMatchObject({
      many: true,
      items: [{ messages: whole }, { messages: [...turns, { role: "assistant", content: "b" }] }],
    });
    expect(items({ messages: turns, response: "a", system: "s" }).items).toEqual([
      { messages: [{ role: "system", content: "s" }, ...whole] },
    ]);
    expect(() => items({ messages: whole, responses: ["a"] })).toThrow(
      /ends with the assistant's turn, and the row has "responses"/,
    );
  });

  it("has its lists in JSON where it is of a table", () => {
    const cell = JSON.stringify(turns);
    expect(items({ messages: cell, responses: '["a","b"]' }, true).items).toHaveLength(2);
    expect(items({ prompt: cell, response: "[1, 2]" }, true).items).toEqual([
      { messages: [...turns, { role: "assistant", content: "[1, 2]" }] },
    ]);
    expect(items({ prompt: "[1, 2]", response: "b" }, true).items).toEqual([{ prompt: "[1, 2]", response: "b" }]);
    expect(() => items({ prompt: "a", responses: "['a', 'b']" }, true)).toThrow(/as Python prints it/);
    expect(() => items({ prompt: "a", response: '["a","b"]' }, true)).toThrow(/a JSON list of texts/);
    expect(items({ prompt: "a", response: "nan" }, true).warnings).toEqual([{ code: "MISSING_VALUE", token: "nan" }]);
    expect(items({ prompt: "a", response: "nan" }).warnings).toEqual([]);
  });

  it("may have the assistant's turn as its response", () => {
    expect(items({ prompt: turns, response: [{ role: "assistant", content: "a" }] }).items).toEqual([
      { messages: whole },
    ]);
  });
});
