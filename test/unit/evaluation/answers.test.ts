/** Rows whose answer is missing, or is a whole conversation written as one text. */
import { describe, expect, it } from "vitest";
import type { Layout } from "../../../src/evaluation/adapters/layout.ts";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import type { PlacedCase } from "../../../src/evaluation/case.ts";
import { findLayout } from "../../../src/evaluation/find-layout.ts";
import { CaseReader, type ReadCasesOptions } from "../../../src/evaluation/read-cases.ts";
import { fileOf } from "../rows/support.ts";

async function read(rows: readonly unknown[], options: Partial<ReadCasesOptions> = {}) {
  const name = "rows.jsonl";
  const source = { name, path: fileOf(name, rows.map((row) => JSON.stringify(row)).join("\n")) };
  const layout: Layout = await findLayout(source, {});
  const problems: string[] = [];
  const reader = new CaseReader(benchmarks.pairs, [source], {
    unordered: false,
    onProblem: ({ where, error }) => problems.push(`${where}: ${error.message}`),
    ...options,
    layouts: [layout],
  });
  const cases: PlacedCase[] = [];
  for await (const one of reader.cases()) cases.push(one);
  const { omitted } = reader.counts;
  return { found: layout.name, cases, omitted, problems, warnings: reader.warnings.sentences() };
}

const message = (role: string, content: string) => ({ role, content });
const conversation = (content: string) => [message("user", "q"), message("assistant", content)];
const hh = (...turns: string[]) =>
  turns.map((turn, i) => `\n\n${i % 2 === 0 ? "Human" : "Assistant"}: ${turn}`).join("");

describe("an empty response", () => {
  const arena = { model_a: "m", model_b: "n", winner: "model_a" };
  const info = { id: "1", subreddit: "s", title: "t", post: "p" };

  it.each([
    ["pairs", { prompt: "q", chosen: "a", rejected: "b" }, { prompt: "q", chosen: "a", rejected: "" }],
    ["pairs", { prompt: "q", chosen: "a", rejected: "b" }, { prompt: "q", chosen: " \n", rejected: "b" }],
    [
      "pairs",
      { chosen: conversation("a"), rejected: conversation("b") },
      { chosen: conversation("a"), rejected: conversation("") },
    ],
    [
      "pairs",
      { prompt: "q", responses: ["a", "b"], ranks: [1, 2] },
      { prompt: "q", responses: ["a", ""], ranks: [1, 2] },
    ],
    ["hh-rlhf", { chosen: hh("q", "a"), rejected: hh("q", "b") }, { chosen: hh("q", "a"), rejected: hh("q", "") }],
    [
      "full-hh",
      { prompt: hh("q", ""), chosen: " a", rejected: " b" },
      { prompt: hh("q", ""), chosen: " a", rejected: " " },
    ],
    ["matrix", { prompt: "q", chosen: ["a"], rejected: ["b"] }, { prompt: "q", chosen: ["a"], rejected: [""] }],
    [
      "two-responses",
      { prompt: "q", response_a: "a", response_b: "b", winner: "a" },
      { prompt: "q", response_a: "a", response_b: "", winner: "b" },
    ],
    [
      "rated-responses",
      { prompt: "q", responses: ["a", "b"], scores: [1, 2] },
      { prompt: "q", responses: ["", "b"], scores: [1, 2] },
    ],
    [
      "arena",
      { ...arena, conversation_a: conversation("a"), conversation_b: conversation("b") },
      { ...arena, conversation_a: conversation("a"), conversation_b: conversation("") },
    ],
    [
      "nectar",
      { prompt: hh("q", ""), answers: ["a", "b"].map((answer, rank) => ({ answer, rank })) },
      { prompt: hh("q", ""), answers: ["a", " "].map((answer, rank) => ({ answer, rank })) },
    ],
    [
      "summarize",
      { info, summaries: [{ text: "a" }, { text: "b" }], choice: 0 },
      { info, summaries: [{ text: " a" }, { text: " " }], choice: 0 },
    ],
    [
      "pku-safety",
      { prompt: "q", response_0: "a", response_1: "b", is_response_0_safe: true, is_response_1_safe: false },
      { prompt: "q", response_0: "a", response_1: "", is_response_0_safe: true, is_response_1_safe: false },
    ],
    [
      "truthfulqa",
      { question: "q", best_answer: "a", correct_answers: [], incorrect_answers: ["b"] },
      { question: "q", best_answer: "a", correct_answers: [], incorrect_answers: [""] },
    ],
  ])("is no answer: %s, %j", async (adapter, whole, row) => {
    const { found, cases, omitted, problems } = await read([whole, whole, row]);
    expect(problems).toEqual([]);
    expect(found).toBe(adapter);
    expect(cases).toHaveLength(2);
    expect(omitted).toEqual({ "no answer": 1 });
  });

  it("among several leaves the others to be compared, and is told", async () => {
    const rows = [1, 2].map(() => ({ prompt: "q", responses: ["a", "", "b"], ranks: [1, 2, 3] }));
    const { cases, omitted, warnings } = await read(rows);
    expect(omitted).toEqual({});
    for (const { comparisons, responses } of cases) {
      expect(comparisons).toEqual([{ better: 0, worse: 2 }]);
      expect(responses.map(({ grade }) => grade)).toEqual([-1, undefined, -3]);
    }
    expect(warnings).toEqual([
      "2 rows, the first at rows.jsonl, line 1, have an empty response, which is not compared",
    ]);
    const strict = await read(rows, { strict: true });
    expect(strict.problems[0]).toBe("line 1: The row has an empty response, which is not compared.");
  });

  it("is scored where no order is needed, and never compared", async () => {
    const { cases } = await read([{ prompt: "q", chosen: "a", rejected: "" }], { unordered: true });
    expect(cases.map(({ responses, comparisons }) => [responses.length, comparisons])).toEqual([[2, []]]);
  });

  it("counts in the benchmarks whose own code counts it", () => {
    const row = { prompt: "q", chosen: "a", rejected: "", subset: "alpacaeval-easy", id: 1 };
    expect(benchmarks.rewardbench.adapt(row)).toHaveProperty("case.comparisons", [{ better: 0, worse: 1 }]);
  });
});

describe("a response that is a whole transcript", () => {
  const items = (cases: readonly PlacedCase[]) => cases.flatMap(({ responses }) => responses.map(({ item }) => item));

  it.each([
    ["pairs", { prompt: "q" }, { prompt: "q" }],
    ["pairs", { messages: [message("user", "q")] }, { prompt: "q" }],
    ["orca-dpo", { question: "q" }, { prompt: "q" }],
    ["full-hh", { prompt: hh("q", "") }, { prompt: "q" }],
    ["alpaca-ranking", { instruction: "q" }, { prompt: "q" }],
  ])("is cut where it begins with the prompt: %s, %j", async (adapter, context, asked) => {
    const row = { ...context, chosen: hh("q", "a"), rejected: hh("q", "b") };
    const { found, cases, problems } = await read([row]);
    expect(problems).toEqual([]);
    expect(found).toBe(adapter);
    expect(items(cases)).toEqual([
      { ...asked, response: "a" },
      { ...asked, response: "b" },
    ]);
  });

  it("is cut in responses of other names, and keeps the turns after the first answer", async () => {
    const { cases, omitted } = await read([
      { prompt: "q", response_a: hh("q", "a"), response_b: hh("q", "b"), winner: "a" },
      { prompt: "q", response_a: hh("q", "a", "r", "c"), response_b: hh("q", "a", "r", "d"), winner: "a" },
      { prompt: "q", response_a: hh("q", "a"), response_b: hh("q", ""), winner: "a" },
    ]);
    const turns = (content: string) =>
      ["q", "a", "r", content].map((text, i) => message(i % 2 === 0 ? "user" : "assistant", text));
    expect(items(cases)).toEqual([
      { prompt: "q", response: "a" },
      { prompt: "q", response: "b" },
      { messages: turns("c") },
      { messages: turns("d") },
    ]);
    expect(omitted).toEqual({ "no answer": 1 });
  });

  it.each([
    { prompt: "other", chosen: hh("q", "a"), rejected: hh("q", "b") },
    {
      prompt: [message("user", "x"), message("assistant", "y"), message("user", "q")],
      chosen: "c",
      rejected: hh("q", "b"),
    },
    { prompt: "q", responses: ["a", hh("x", "b")], ranks: [1, 2] },
    { question: "why?", response_a: hh("x", "a"), response_b: hh("x", "b"), winner: "a" },
    { prompt: hh("x", ""), chosen: hh("q", "a"), rejected: hh("q", "b") },
    { prompt: "q", chosen: ["a"], rejected: [hh("x", "b")] },
    { prompt: "q", responses: ["a", hh("x", "b")], scores: [1, 2] },
    { prompt: "q", chosen: hh("q", "a", "r"), rejected: hh("q", "b", "r") },
  ])("is refused where it does not: %j", async (row) => {
    const { cases, problems } = await read([row]);
    expect(cases).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/^line 1: \S+ is a transcript .*leave the prompt out/)]);
  });

  it.each([
    "### Human: q\n### Assistant: a",
    "USER: q ASSISTANT: a",
    "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>",
    "<s>[INST] q [/INST] a </s>",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|>",
    "<start_of_turn>user\nq<end_of_turn>",
    "<|user|>\nq</s>\n<|assistant|>\na",
  ])("is refused in other notations: %j", async (chosen) => {
    const { cases, problems } = await read([{ prompt: "q", chosen, rejected: "b" }]);
    expect(cases).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/^line 1: chosen is a (?:transcript|conversation)/)]);
  });

  it("is told where it is the prompt once more and then an answer, which some data sets mean and code has", async () => {
    const prompt = "What is the capital of France?";
    const rows = [1, 2].map(() => ({ prompt, chosen: `${prompt} Paris.`, rejected: `${prompt} Lyon.` }));
    const { cases, warnings } = await read([...rows, { prompt, chosen: `${prompt} Paris.`, rejected: "Lyon." }]);
    expect(cases).toHaveLength(3);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^2 rows, the first at rows\.jsonl, line 1, have the prompt once more .* give only what follows it$/,
      ),
    ]);
  });

  it("is known as one though most rows of the file have no answer in it", async () => {
    const rows = ["a", "", ""].map((text) => ({ chosen: hh("q", "b"), rejected: hh("q", text) }));
    const { found, omitted, problems } = await read(rows);
    expect({ found, omitted, problems }).toEqual({ found: "hh-rlhf", omitted: { "no answer": 2 }, problems: [] });
  });

  it("is an answer where the prompt asks for a conversation, and does not begin it", async () => {
    const prompt = "Write a short dialogue between a human and an AI.";
    const dialogue = "Human: Will it rain?\n\nAssistant: Yes.";
    const { cases, problems } = await read([
      { prompt, chosen: dialogue, rejected: "User: Rain?\nAI: No." },
      { prompt: hh("Hi", "Hello", prompt, ""), chosen: dialogue, rejected: "b" },
      { prompt, chosen: hh(prompt, "a"), rejected: "b" },
      { prompt, chosen: `USER: ${prompt} ASSISTANT: a`, rejected: "b" },
      { prompt: "A chat between a curious user and an AI assistant.", chosen: "USER: q ASSISTANT: a", rejected: "b" },
    ]);
    expect(items(cases).map((item) => ("response" in item ? item.response : undefined))).toEqual([
      dialogue,
      "User: Rain?\nAI: No.",
      dialogue,
      "b",
      "a",
      "b",
    ]);
    expect(problems).toEqual([
      expect.stringMatching(/^line 4: chosen is a transcript/),
      expect.stringMatching(/^line 5: chosen is a transcript/),
    ]);
  });

  it("is not one that only mentions speakers", async () => {
    const texts = ["Human: a riddle", "He said\n\nHuman: no\n\nAssistant: yes", "Assistant: I am one"];
    const { cases, problems } = await read(texts.map((chosen) => ({ prompt: "q", chosen, rejected: "b" })));
    expect(problems).toEqual([]);
    expect(cases).toHaveLength(3);
  });
});
