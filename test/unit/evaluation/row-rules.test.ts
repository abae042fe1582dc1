/** What eval, compare and fit refuse, name once, or take on purpose: rows that lost their type or carry more than is read. */
import { describe, expect, it } from "vitest";
import type { AdaptOptions } from "../../../src/evaluation/adapters/adapter.ts";
import { layoutNamed } from "../../../src/evaluation/adapters/layouts.ts";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import { benchmarkNames } from "../../../src/evaluation/case.ts";
import { CaseReader, type ReadCasesOptions, type RowProblem } from "../../../src/evaluation/read-cases.ts";
import { RowFacts } from "../../../src/evaluation/row-facts.ts";
import { FieldMap, type FieldMapping } from "../../../src/prompt/field-map.ts";
import { rowItems } from "../../../src/prompt/row-items.ts";
import { dataset, datasets } from "../../datasets.ts";
import { fileOf, valuesOf } from "../rows/support.ts";

const { adapt } = benchmarks.pairs;

function refusal(row: unknown, options?: AdaptOptions): string {
  let message = "";
  try {
    adapt(row, options);
  } catch (error) {
    message = (error as Error).message;
  }
  return message;
}

async function readCases(name: string, text: string, options: Partial<ReadCasesOptions> = {}) {
  const problems: RowProblem[] = [];
  const path = fileOf(name, text);
  const onProblem = (problem: RowProblem) => problems.push(problem);
  const reader = new CaseReader(benchmarks.pairs, [{ name, path }], { unordered: false, onProblem, ...options });
  const cases = [];
  for await (const one of reader.cases()) cases.push(one);
  const told = problems.map(({ where, error }) => `${where}: ${error.message}`);
  return { cases, told, warnings: reader.warnings.sentences() };
}

describe("a CSV file", () => {
  const python = "[{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello'}]";

  it("is refused row by row where Python wrote lists into cells, by column", async () => {
    const { cases, told } = await readCases(
      "python.csv",
      `prompt,chosen,rejected\nHi,"${python}","${python}"\nHi,"['a', 'b']",c\nHi,a,b\n`,
    );
    expect(cases).toHaveLength(1);
    expect(told).toEqual([
      expect.stringMatching(/^line 2: The column chosen contains .*JSON lines .*parquet, or JSON in the cell/),
      expect.stringMatching(/^line 3: The column chosen contains the text of a list of texts/),
    ]);
  });

  it("has lists as JSON in its cells", async () => {
    const cell = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
    const prompt = [{ role: "user", content: "Hi" }];
    const { cases, told } = await readCases(
      "json.csv",
      `prompt,responses,ranks\n${cell(prompt)},${cell(["a", "b"])},"[1, 2]"\nHi,${cell(["a", "b"])},"[1, NaN]"\n` +
        `Hi,"['a', 'b']","[1, 2]"\n`,
    );
    expect(cases.map(({ responses }) => responses[0]?.item)).toEqual([{ prompt: "Hi", response: "a" }]);
    expect(told).toEqual([
      "line 3: Expected a finite number for ranks[1] but received NaN.",
      expect.stringMatching(/^line 4: The column responses .*JSON in the cell/),
    ]);
  });

  it("does not take an empty cell for an empty response", async () => {
    const { cases, told } = await readCases("empty.csv", "prompt,chosen,rejected\nHi,Hello,\nHi,,\n,a,b\n");
    expect(cases).toEqual([]);
    expect(told).toEqual([
      expect.stringMatching(/^line 2: .*rejected/),
      expect.stringMatching(/^line 3: .*"chosen" \(empty\), "rejected" \(empty\)/),
      expect.stringMatching(/^line 4: .*prompt/),
    ]);
    expect(adapt({ prompt: "Hi", chosen: "Hello", rejected: "" })).toEqual({ omitted: "no answer" });
  });
});

describe("a key that JSON in a text has twice", () => {
  const twice = '[{"role":"user","content":"q"},{"role":"assistant","content":"a","content":"b"}]';
  const once = '[{"role":"user","content":"q"},{"role":"assistant","content":"c"}]';
  const object = '{"text":"a","text":"b"}';

  it.each([
    [undefined, { chosen: twice, rejected: once }, "chosen"],
    [undefined, { prompt: twice, chosen: once, rejected: once }, "prompt"],
    [undefined, { prompt: "q", messages: twice, chosen: "a", rejected: "b" }, "messages"],
    [
      "arena",
      { model_a: "m", model_b: "n", winner: "model_a", conversation_a: twice, conversation_b: once },
      "conversation_a",
    ],
    ["summarize", { info: '{"post":"a","post":"b"}', summaries: "[]", choice: 1 }, "info"],
    [
      "summarize",
      { info: '{"subreddit":"s","title":"t","post":"b"}', summaries: `[${object},${object}]`, choice: 1 },
      "summaries",
    ],
    ["webgpt", { question: object, answer_0: "a", answer_1: "b", score_0: 1, score_1: 0 }, "question"],
    ["truthfulqa-mc2", { question: "q", mc2_targets: '{"a":1,"a":0}' }, "mc2_targets"],
    ["oasst-trees", { message_tree_id: "1", prompt: object }, "prompt"],
    [
      "sharegpt-pairs",
      { prompt: "q", chosen: '{"role":"assistant","content":"a","content":"b"}', rejected: once },
      "chosen",
    ],
    ["llama-factory-v1", { chosen_messages: twice, rejected_messages: once }, "chosen_messages"],
  ])("is refused, as in JSON lines: %s, %j", (adapter, row, name) => {
    const layout = adapter === undefined ? undefined : layoutNamed(adapter);
    expect(() => (layout?.adapt ?? adapt)(row)).toThrow(
      new RegExp(`${name} has the key "\\w+" twice in one object .* remove or rename one of them`),
    );
  });

  it("is what a person may ask about", () => {
    expect(refusal({ prompt: object, chosen: '[{"a":1,"a":2}]', rejected: "b" })).toBe("");
  });

  it("is refused in what --field names, and in rows of score", () => {
    const map = (mapping: FieldMapping) => new FieldMap(mapping, ["prompt", "response"]);
    const row = { prompt: "q", answer: '{"text":"a","text":"b"}' };
    expect(() => map({ response: "answer.text" }).read(row)).toThrow(/answer has the key "text" twice/);
    expect(() => rowItems({ messages: twice })).toThrow(/messages has the key "content" twice/);
    expect(() => rowItems({ prompt: twice, response: "a" })).toThrow(/prompt has the key "content" twice/);
    expect(() => rowItems({ prompt: "q", response: twice.slice(0, 1) + twice.slice(31) })).toThrow(
      /response has the key "content" twice/,
    );
  });
});

describe("NaN, as Python writes it", () => {
  it("passes where nothing reads it and is refused where it counts", async () => {
    const rows = [
      '{"prompt":"q","chosen":"c","rejected":"r","score_rejected":NaN,"id":NaN}',
      '{"prompt":"q","responses":["a","b"],"ranks":[1,NaN]}',
      '{"prompt":"q","responses":["a","b"],"grades":[-Infinity,1]}',
      '{"prompt":"q","chosen":NaN,"rejected":"r"}',
    ];
    const { cases, told } = await readCases("nan.jsonl", rows.join("\n"));
    expect(cases).toHaveLength(1);
    expect(cases[0]).not.toHaveProperty("id");
    expect(told).toEqual([
      expect.stringMatching(/^line 2: .*ranks\[1\] but received NaN/),
      expect.stringMatching(/^line 3: .*grades\[0\] but received -Infinity/),
      expect.stringMatching(/^line 4: .*chosen but received NaN/),
    ]);
  });
});

describe("fields that belong to the input", () => {
  const row = { prompt: "q", chosen: "c", rejected: "r" };

  it("are refused unless they are empty or ignored", () => {
    for (const name of ["tools", "history", "context", "images", "system_prompt"]) {
      expect(refusal({ ...row, [name]: ["x"] })).toContain(`The row has "${name}"`);
      expect(refusal({ ...row, [name]: [] })).toBe("");
      expect(refusal({ ...row, [name]: ["x"] }, { ignoreFields: [name] })).toBe("");
    }
    const chosen = [
      { role: "user", content: "q", tool_calls: [{}, 1] },
      { role: "assistant", content: "c" },
    ];
    expect(refusal({ chosen, rejected: chosen })).toContain('chosen[0] has "tool_calls"');
  });

  it("have a system turn among them, which is scored", () => {
    const messages = (content: string) => [
      { role: "system", content: "s" },
      { role: "user", content: "q" },
      { role: "assistant", content },
    ];
    const system = { ...row, system: "s" };
    for (const given of [
      system,
      { ...system, chosen: messages("c").slice(1), rejected: messages("r") },
      { ...system, prompt: messages("").slice(0, 2) },
      { prompt: "q", responses: ["c", "r"], ranks: [1, 2], system: "s" },
    ])
      expect(adapt(given)).toMatchObject({
        case: { responses: [{ item: { messages: messages("c") } }, { item: { messages: messages("r") } }] },
      });
    expect(adapt({ ...system, system: "" })).toMatchObject({ case: { responses: [{ item: { prompt: "q" } }, {}] } });
  });

  it.each(benchmarkNames.filter((name) => name !== "pairs"))("are refused in rows of %s, too", async (name) => {
    const [row] = await valuesOf(dataset(datasets[name as keyof typeof datasets]));
    const { adapt } = benchmarks[name];
    expect(() => adapt(row)).not.toThrow();
    expect(() => adapt({ ...(row as object), tools: ["x"] })).toThrow(/"tools"/);
    expect(() => adapt({ ...(row as object), tools: ["x"] }, { ignoreFields: ["tools"] })).not.toThrow();
    expect(() => adapt({ a: 1 })).toThrow(/it has only "a"/);
  });
});

describe("chosen and rejected that answer different prompts", () => {
  const conversation = (question: string, content: string) => [
    { role: "user", content: question },
    { role: "assistant", content },
  ];
  const transcript = (question: string, content: string) => `\n\nHuman: ${question}\n\nAssistant: ${content}`;

  it.each([
    { chosen: conversation("a", "c"), rejected: conversation("b", "r") },
    { chosen: [...conversation("a", "x"), ...conversation("b", "c")], rejected: conversation("a", "r") },
    { prompt: "q", chosen: transcript("q", "c\n\nHuman: a\n\nAssistant: d"), rejected: transcript("q", "r") },
  ])("are refused, and taken on request: %j", (row) => {
    expect(refusal(row)).toMatch(/chosen and rejected answer different prompts.*--different-prompts allow/);
    expect(refusal(row, { differentPrompts: "allow" })).toBe("");
  });

  it("are not those that differ in their last turn", () => {
    expect(refusal({ chosen: conversation("a", "c"), rejected: conversation("a", "r") })).toBe("");
    expect(refusal({ prompt: "q", chosen: "Human: a", rejected: "Human: b" })).toBe("");
  });
});

describe("transcripts in prompts", () => {
  const rows = [
    { prompt: "\n\nHuman: Hi\n\nAssistant:", chosen: "c", rejected: "r" },
    { prompt: "Who was the first Human: a riddle", chosen: "c", rejected: "r" },
    {
      prompt: [{ role: "user", content: "USER: Hi\nASSISTANT: Hello\nUSER: x" }],
      system: "s",
      chosen: "c",
      rejected: "r",
    },
  ];
  const text = rows.map((row) => JSON.stringify(row)).join("\n");

  it("are counted and told once", async () => {
    const { cases, told, warnings } = await readCases("transcripts.jsonl", text);
    expect(cases).toHaveLength(3);
    expect(told).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^2 prompts, the first at transcripts\.jsonl, line 1, hold a transcript .*list of messages$/,
      ),
    ]);
  });

  it.each(["<|prompter|>Hi<|assistant|>", "<s>[INST] Hi [/INST]", "<|im_start|>user\nHi<|im_end|>\n"])(
    "are known by what a chat template writes before a turn: %s",
    async (prompt) => {
      const { warnings } = await readCases("rendered.jsonl", JSON.stringify({ prompt, chosen: "c", rejected: "r" }));
      expect(warnings).toEqual([expect.stringMatching(/^1 prompt, at rendered\.jsonl, line 1, holds a transcript/)]);
    },
  );

  it("are errors of their rows in a strict run", async () => {
    const { cases, told } = await readCases("strict.jsonl", text, { strict: true });
    expect(cases).toHaveLength(1);
    expect(told[0]).toMatch(/^line 1: The row holds a transcript/);
  });

  it("are named where a row has no prompt beside them", () => {
    const side = "\n\nHuman: Hi\n\nAssistant: c";
    expect(refusal({ chosen: side, rejected: side })).toMatch(/chosen is a transcript: write it as a list of messages/);
  });
});

it("compares at most 1000 responses with each other", () => {
  const responses = Array.from({ length: 1001 }, (_, i) => `${i}`);
  const ranks = responses.map((_, i) => i);
  expect(refusal({ prompt: "q", responses, ranks })).toMatch(/Expected at most 1000 responses for responses/);
});

describe("the prompt of a pair", () => {
  const user = (content: string) => ({ role: "user", content });
  const assistant = (content: string) => ({ role: "assistant", content });
  const whole = { chosen: [user("a"), assistant("b")], rejected: [user("a"), assistant("c")] };
  const dialogue = (response: string) => `\n\nHuman: What is 2+2?\n\nAssistant: ${response}`;

  it.each([
    [{ question: "q", chosen: [assistant("b")], rejected: [assistant("c")] }, /rename "question" to "prompt"/],
    [{ chosen: [assistant("b")], rejected: [assistant("c")] }, /no user turn: the prompt is missing/],
    [
      { messages: [user("a"), assistant("b")], chosen: "b", rejected: "c" },
      /last message of messages to be the user's/,
    ],
    [{ prompt: [user("a"), assistant("b")], chosen: "b", rejected: "c" }, /last message of prompt to be the user's/],
    [
      { prompt: [user("a"), assistant("b")], chosen: [assistant("b")], rejected: [assistant("c")] },
      /last message of prompt to be the user's/,
    ],
    [{ prompt: [user("a"), assistant("b")], responses: ["b", "c"], ranks: [1, 2] }, /last message of prompt/],
    [{ prompt: "completely different", ...whole }, /does not contain the prompt/],
    [{ prompt: "Add.", chosen: dialogue("4"), rejected: "c" }, /^chosen is a transcript/],
    [{ prompt: "a", chosen: "b" }, /^rejected is missing or empty/],
  ])("is neither lost nor doubled: %j", (row, message) => {
    expect(refusal(row)).toMatch(message);
  });

  it.each([
    whole,
    { prompt: "a", ...whole },
    { prompt: "\n\nHuman: a\n\nAssistant:", ...whole },
    { prompt: "a", chosen: [assistant("b")], rejected: [assistant("c")] },
    { prompt: [user("a")], ...whole },
    { prompt: "What is 2+2?", chosen: dialogue("4"), rejected: dialogue("5") },
    { prompt: "Write a dialogue.", chosen: dialogue("4"), rejected: "c" },
    { prompt: "a", question: "a", chosen: "b", rejected: "c" },
  ])("may be given so: %j", (row) => {
    expect(refusal(row, { differentPrompts: "allow" })).toBe("");
  });

  it("may have turns with ignored fields", () => {
    const calls = { ...user("a"), tool_calls: [{ f: 1 }] };
    const row = { chosen: [calls, assistant("b")], rejected: [calls, assistant("c")] };
    expect(refusal(row)).toMatch(/--ignore-field tool_calls/);
    expect(refusal(row, { ignoreFields: ["tool_calls"] })).toBe("");
  });
});

describe("cells of CSV that are no texts", () => {
  it.each([
    ["b'x'", /bytes as Python prints/],
    ["{'text': 'x'}", /a dict as Python prints/],
    ["{'x'}", /a list of texts as Python prints/],
    ['["x"]', /a JSON list of texts/],
    ['{"role":"assistant","content":"x"}', /put it in a list, \[ \]/],
    ["[OrderedDict([('role', 'user'), ('content', 'a')])]", /a list of messages as Python prints/],
  ])("%s is refused", (cell, message) => {
    expect(refusal({ prompt: "a", chosen: cell, rejected: "c" }, { isCsv: true })).toMatch(message);
  });

  it("are named once where they are missing values", async () => {
    const { cases, warnings } = await readCases("nan.csv", "prompt,chosen,rejected\na,b,NaN\nd,None,f\ng,h,i\n");
    expect(cases).toHaveLength(3);
    expect(warnings).toEqual([expect.stringMatching(/^2 responses, the first at nan\.csv, line 2, are "NaN"/)]);
  });
});

it.each([
  ["no.csv", "prompt,chosen,rejected\n"],
  ["no.json", "[]"],
])("says of %s that it has no rows", async (name, text) => {
  await expect(readCases(name, text)).rejects.toThrow("has no rows");
});

describe("whole numbers that a number of JavaScript would round", () => {
  const line = (id: string) =>
    `{"id":${id},"topic":${id},"meta":{"n":${id}},"prompt":"Hi","chosen":"a","rejected":"b"}\n`;
  const neighbours = ["9007199254740992", "9007199254740993", "-90071992547409931"];

  it("keep their digits in JSON as ids, groups and marks of paraphrases", async () => {
    const facts = { paraphrases: "topic" };
    const by = ["meta.n"];
    const { cases } = await readCases("long.jsonl", neighbours.map(line).join(""), { facts, by });
    expect(cases.map(({ id }) => id)).toEqual(neighbours);
    expect(cases.map(({ groups }) => groups?.["meta.n"])).toEqual(neighbours);
    expect(cases.map(({ paraphrases }) => paraphrases)).toEqual(neighbours.map((id) => `paraphrases ${id}`));
  });

  it("mark paraphrases where a reader gives them as BigInt, as that of parquet does, alone and in lists", () => {
    const facts = new RowFacts({ paraphrases: "topic" });
    const placed = { responses: [], comparisons: [], source: 0, row: 1, where: "row 1" };
    expect(facts.of({ topic: 9007199254740993n }, placed).paraphrases).toBe("paraphrases 9007199254740993");
    expect(facts.of({ topic: [1, 9007199254740993n] }, placed).paraphrases).toBe("paraphrases [1,9007199254740993]");
  });

  it("change nothing else of a row: NaN stays an invalid rank, and a row that is nested deeply is read", async () => {
    const nested = `{"id":9007199254740993,"x":${"[".repeat(20_000)}${"]".repeat(20_000)},"prompt":"Hi","chosen":"a","rejected":"b"}\n`;
    const ranks = '{"id":9007199254740993,"prompt":"Hi","responses":["a","b"],"ranks":[1,NaN]}\n';
    const { cases, told } = await readCases("odd.jsonl", nested + ranks);
    expect(cases).toHaveLength(1);
    expect(told).toEqual(["line 2: Expected a finite number for ranks[1] but received NaN."]);
  });

  it("are grades and ranks like others", async () => {
    const row = (name: string, values: string) => `{"prompt":"Hi","responses":["a","b"],"${name}":${values}}\n`;
    const text = row("grades", "[1,90071992547409931]") + row("ranks", "[90071992547409931,-90071992547409931]");
    const { cases, told } = await readCases("large.jsonl", text);
    expect(told).toEqual([]);
    expect(cases.map(({ comparisons }) => comparisons)).toEqual([
      [expect.objectContaining({ better: 1, worse: 0 })],
      [expect.objectContaining({ better: 1, worse: 0 })],
    ]);
  });
});
