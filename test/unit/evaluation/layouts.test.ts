/** Public data sets as they are published: found from their columns, and compared the right way round. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { layouts } from "../../../src/evaluation/adapters/layouts.ts";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import type { PlacedCase } from "../../../src/evaluation/case.ts";
import { findLayout } from "../../../src/evaluation/find-layout.ts";
import { CaseReader, type ReadCasesOptions } from "../../../src/evaluation/read-cases.ts";
import { published } from "./published-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-layouts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function fileOf(rows: readonly unknown[] | string): { name: string; path: string } {
  const isText = typeof rows === "string";
  const path = join(folder, `rows-${count++}.${isText ? "csv" : "jsonl"}`);
  writeFileSync(path, isText ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { name: path, path };
}

interface Read {
  readonly found: string;
  readonly cases: readonly PlacedCase[];
  readonly omitted: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  /** How many cases the report will count. */
  readonly counted: number;
}

async function read(
  rows: readonly unknown[] | string,
  adapter?: string,
  options: Partial<ReadCasesOptions> = {},
): Promise<Read> {
  const source = fileOf(rows);
  const layout = await findLayout(source, adapter === undefined ? {} : { adapter });
  const problems: string[] = [];
  const reader = new CaseReader(benchmarks.pairs, [source], {
    unordered: false,
    onProblem: ({ error }) => problems.push(error.message),
    ...options,
    layouts: [layout],
  });
  const cases: PlacedCase[] = [];
  for await (const one of reader.cases()) cases.push(one);
  const { omitted, cases: counted } = reader.counts;
  return { found: layout.name, cases, omitted, problems, counted };
}

/** What must win over what, as "prompt: better > worse"; turns are joined by " / ". */
function said({ responses, comparisons }: PlacedCase): string[] {
  const both = responses.map(({ item }) => {
    if ("text" in item) return ["", item.text] as const;
    if ("prompt" in item) return [item.prompt, item.response] as const;
    const turns = item.messages.map(({ content }) => content);
    return [turns.slice(0, -1).join(" / "), turns.at(-1) as string] as const;
  });
  return comparisons.map(({ better, worse, orEqual }) => {
    const [[prompt, good], [other, bad]] = [both[better], both[worse]] as [(typeof both)[0], (typeof both)[0]];
    return `${prompt === other ? prompt : `${prompt} | ${other}`}: ${good} ${orEqual ? ">=" : ">"} ${bad}`;
  });
}

describe("public data sets", () => {
  it.each(published.map((one) => [one.what, one] as const))(
    "%s",
    async (_, { rows, adapter, by, wins, omitted = {} }) => {
      const result = await read(rows, by);
      expect(result.problems).toEqual([]);
      expect(result.found).toBe(adapter);
      expect(result.cases.flatMap(said)).toEqual(wins);
      expect(result.omitted).toEqual(omitted);
    },
  );

  it("are all in the table", () => {
    const names = new Set(published.map(({ adapter }) => adapter.replace(/:.*/, "")));
    expect(layouts.map(({ name }) => name).filter((name) => !names.has(name))).toEqual([]);
  });

  it("keep the fields of their rows for breakdowns", async () => {
    const one = published.find(({ adapter }) => adapter === "helpsteer3");
    const { cases } = await read(one?.rows ?? [], undefined, { by: ["domain"] });
    expect(cases.map(({ groups }) => groups)).toEqual([{ domain: "code" }, { domain: "general" }]);
  });

  it.each([
    ["rows of one response", ["m", "n"].map((model, score) => ({ prompt: "p", response: model, score, model }))],
    ["responses 1 and 2", [{ prompt: "p", response_1: "a", response_2: "b", model_1: "m", model_2: "n", winner: "1" }]],
  ])("say which models wrote the responses: %s", async (_, rows) => {
    const { cases } = await read(rows);
    expect(cases.map(({ responses }) => responses.map(({ model }) => model))).toEqual([["m", "n"]]);
  });

  it("can have responses and a label by other names: PandaLM, whose annotators have 0 for a tie", async () => {
    const rows = [1, 2, 0].map((annotator1) => ({
      instruction: "i",
      input: "x",
      response1: "a",
      response2: "b",
      annotator1,
    }));
    const fields = { prompt: ["instruction", "input"], label: "annotator1" };
    const { cases, omitted, problems } = await read(rows, "two-responses:1,2,0", { fields });
    expect(problems).toEqual([]);
    expect(cases.flatMap(said)).toEqual(["i\n\nx: a > b", "i\n\nx: b > a"]);
    expect(omitted).toEqual({ tie: 1 });
    const map = { prompt: "instruction", label: "annotator1", response_a: "response1", response_b: "other" };
    const own = rows.slice(0, 1).map(({ response2, input, ...row }) => ({ ...row, other: response2 }));
    const codes = await read(own, "two-responses:1,2,0", { fields: map });
    expect(codes.cases.flatMap(said)).toEqual(["i: a > b"]);
  });

  it("can have scores by another name: HelpSteer2's ratings, of which each row has several", async () => {
    const rows = [
      [1, 4],
      [3, 0],
    ].map(([helpfulness, verbosity]) => ({ prompt: "p", response: `${helpfulness}`, helpfulness, verbosity }));
    const { cases, problems } = await read(rows, "rated-rows", { fields: { score: "helpfulness" } });
    expect([problems, cases.flatMap(said)]).toEqual([[], ["p: 3 > 1"]]);
  });

  it.each(["initial_reason_steps", "trajectory", "schema", "article", "premise", "paragraph", "source_text"])(
    "have no %s beside the prompt that would not be scored",
    async (name) => {
      const row = { prompt: "q", chosen: "a", rejected: "b" };
      const { problems, cases } = await read([{ ...row, [name]: "What the prompt is about." }], "pairs");
      expect(cases).toEqual([]);
      expect(problems).toEqual([expect.stringContaining(`--ignore-field ${name}`)]);
      const prompt = "q: What the prompt is about.";
      expect((await read([{ ...row, prompt, [name]: "What the prompt is about." }], "pairs")).problems).toEqual([]);
    },
  );

  it("can have conversations as JSON in texts, as some parquet files and CSV have them", async () => {
    const of = (...turns: string[]) =>
      JSON.stringify(turns.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content })));
    const message = (content: string) => JSON.stringify({ role: "assistant", content });
    const sides = { chosen: of("q", "a"), rejected: of("q", "b") };
    const arena = {
      model_a: "m",
      model_b: "n",
      winner: "model_a",
      conversation_a: of("q", "a"),
      conversation_b: of("q", "b"),
    };
    for (const [adapter, row] of [
      ["pairs", sides],
      ["pairs", { ...sides, prompt: of("q") }],
      ["pairs", { ...sides, prompt: "q", messages: of("q", "a") }],
      ["skywork", { ...sides, source: "s" }],
      ["sharegpt-pairs", { conversations: of("q"), chosen: message("a"), rejected: message("b") }],
      ["arena", arena],
      ["mt-bench", { ...arena, question_id: 81, judge: "j", turn: 1 }],
      ["capybara-dpo", { ...sides, conversation: [{ input: "q", output: "a" }] }],
      ["llama-factory-v1", { chosen_messages: of("q", "a"), rejected_messages: of("q", "b") }],
      ["helpsteer3", { context: of("q"), response1: "a", response2: "b", overall_preference: -1 }],
    ] as const) {
      const { found, cases, problems } = await read([row]);
      expect([found, problems, cases.flatMap(said)]).toEqual([adapter, [], ["q: a > b"]]);
    }
    const image = JSON.stringify([{ role: "user", content: [{ type: "image_url", image_url: "u" }] }]);
    const { omitted } = await read([arena, arena, { ...arena, conversation_a: image }]);
    expect(omitted).toEqual({ "has an image or a file": 1 });
  });

  it.each([
    JSON.stringify([
      { role: "user", content: "x" },
      { role: "assistant", content: "y" },
    ]),
    "Another text.",
    "[{'role': 'user', 'content': 'x'}]",
    { text: "Another text." },
    ["Another text."],
  ])("have no messages beside the prompt that would not be scored: %j", async (messages) => {
    const { problems, cases } = await read([{ prompt: "q", messages, chosen: "a", rejected: "b" }]);
    expect(cases).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/"messages".*--ignore-field messages/)]);
  });

  it.each(["", [], "q", 2, null])("may have messages that say nothing more: %j", async (messages) => {
    const { problems, cases } = await read([{ prompt: "q", messages, chosen: "a", rejected: "b" }]);
    expect(problems).toEqual([]);
    expect(cases.flatMap(said)).toEqual(["q: a > b"]);
  });

  it.each([
    ["ppe-human", "ppe-best-of-k"],
    ["ppe-best-of-k", "ppe-human"],
    ["arena", "mt-bench"],
    ["mt-bench", "arena"],
  ] as const)("of %s refuse rows of %s", async (adapter, other) => {
    const turns = (...texts: string[]) =>
      texts.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content }));
    const vote = { question_id: "1", model_a: "m", model_b: "n", winner: "model_a" };
    const two = { conversation_a: turns("q", "a", "r", "c"), conversation_b: turns("q", "b", "r", "d") };
    const rows = {
      "ppe-human": { ...vote, prompt: "q", response_1: "a", response_2: "b" },
      "ppe-best-of-k": {
        ...{ question_id: "2", prompt: "q", response_1: "a", response_2: "b" },
        ...{ scores: [true, false], sampled_conflict_pairs: [[0, 1]] },
      },
      arena: { ...vote, ...two, judge: "arena_user_1", turn: 2, anony: true, tstamp: 1 },
      "mt-bench": { ...vote, ...two, judge: "expert_1", turn: 1 },
    };
    const { found, cases, problems } = await read([...Array(200).fill(rows[adapter]), rows[other]]);
    expect(found).toBe(adapter);
    expect(cases).toHaveLength(200);
    expect(problems).toEqual([expect.stringContaining(`a row of ${other}`)]);
    // Taken by its name, too.
    expect((await read([rows[other]], adapter)).problems).toEqual(problems);
    if (other === "mt-bench") expect(() => benchmarks.human.adapt(rows[other])).toThrow(/eval pairs/);
  });

  it.each([
    [
      "arena",
      ["model_a", "model_b", "winner", "conversation_a", "conversation_b"],
      [
        "m",
        "n",
        "model_a",
        "[{'role': 'user', 'content': 'q'}]",
        "[{'content': 'q', 'role': 'user'} {'content': 'b', 'role': 'assistant'}]",
      ],
    ],
    [
      "ultrafeedback",
      ["instruction", "completions"],
      ["q", "[{'response': 'a', 'overall_score': 3}\n {'response': 'b', 'overall_score': 4}]"],
    ],
    ["webgpt", ["question", "answer_0", "answer_1", "score_0", "score_1"], ["{'full_text': 'q'}", "a", "b", "1", "-1"]],
    ["summarize", ["info", "summaries", "choice"], ["{'post': 'x'}", "[{'text': 'a'}, {'text': 'b'}]", "1"]],
    [
      "truthfulqa-mc2",
      ["question", "mc2_targets"],
      ["q", "{'choices': array(['a', 'b'], dtype=object), 'labels': array([1, 0])}"],
    ],
    [
      "sharegpt-pairs",
      ["conversations", "chosen", "rejected"],
      ["[{'from': 'human', 'value': 'q'}]", "{'from': 'gpt', 'value': 'a'}", "{'from': 'gpt', 'value': 'b'}"],
    ],
    [
      "nectar",
      ["prompt", "answers"],
      ["\n\nHuman: q\n\nAssistant:", "[{'answer': 'a', 'rank': 1}, {'answer': 'b', 'rank': 2}]"],
    ],
    ["oasst-trees", ["message_tree_id", "prompt"], ["t", "{'text': 'q', 'role': 'prompter', 'replies': []}"]],
    ["matrix", ["prompt", "chosen", "rejected"], ["q", "['a' 'b']", "array(['c', 'd'], dtype=object)"]],
    ["rated-responses", ["prompt", "responses", "scores"], ["q", '["a", "b"]', "[0.5 1. ]"]],
  ])("say of lists that Python printed into cells what to write: %s", async (adapter, names, row) => {
    const line = (cells: readonly string[]) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
    const { found, cases, problems } = await read(`${[names, row, row].map(line).join("\n")}\n`);
    expect(found).toBe(adapter);
    expect(cases).toEqual([]);
    expect(problems).toHaveLength(2);
    for (const problem of problems)
      expect(problem).toMatch(/as Python prints it.*JSON lines.*parquet, or JSON in the cell/s);
  });

  it("say what OpenAI's own file of WebGPT comparisons should be", async () => {
    const answer = { question: { full_text: "q" }, answer: "a", score: 0.5 };
    await expect(read([answer, { ...answer, score: -0.5 }].map((one) => [one, one]))).rejects.toThrow(
      /webgpt \(Its rows are lists of two answers.*jq -c .*answer_1: \.\[1\]\.answer/,
    );
  });

  it("say where the rows are, if each is inside an object", async () => {
    const row = { prompt: "q", chosen: "a", rejected: "b" };
    await expect(read([{ row_idx: 0, row, truncated_cells: [] }])).rejects.toThrow(
      /Its row is inside "row".*jq -c '\.row' FILE/,
    );
  });

  it("compare no score with a rank", async () => {
    const rows = Array.from({ length: 200 }, (_, score) => ({ prompt: "p", response: `${score}`, score }));
    const { problems } = await read([...rows, { prompt: "p", response: "best", rank: 1 }]);
    expect(problems).toEqual([expect.stringMatching(/"prompt" and "response" and "score", as the rows before/)]);
  });

  it("are read as one layout per file, so that rows of another are invalid", async () => {
    const good = { prompt: "p", response_1: "a", response_2: "b", preference_strength: -1 };
    const { problems, cases } = await read([good, good, { prompt: "p", chosen: "a", rejected: "b" }]);
    expect(cases).toHaveLength(2);
    expect(problems[0]).toContain('"preference_strength"');
  });

  it("lose one row, not the file, where rows make cases together and one of them is wrong", async () => {
    const reply = (id: string, rank: unknown) => ({
      message_id: id,
      parent_id: "1",
      role: "assistant",
      text: id,
      rank,
    });
    const messages = [{ message_id: "1", parent_id: null, role: "prompter", text: "q", rank: null }];
    const { cases, problems } = await read([...messages, reply("a", 1), reply("b", "first"), reply("c", 0)]);
    expect(cases.flatMap(said)).toEqual(["q: c > a"]);
    expect(problems).toEqual([expect.stringContaining("rank")]);
  });

  it("lose one case, not the file, where rows make cases together and one of these is wrong", async () => {
    const rows = ["a", "b"].flatMap((prompt) => [1, 2].map((score) => ({ prompt, response: `${score}`, score })));
    const named = rows.map((row) => ({ ...row, writers: row.prompt === "a" ? ["m"] : ["m", "n"] }));
    const { cases, problems, counted } = await read(named, undefined, { facts: { models: ["writers"] } });
    expect(counted).toBe(1);
    expect(cases.flatMap(said)).toEqual(["b: 2 > 1"]);
    expect(problems).toEqual([expect.stringContaining("Expected 2 models")]);
  });
});

const refused: readonly [string, readonly unknown[], readonly (string | RegExp)[]][] = [
  [
    "columns of no layout",
    [{ question: "q", verdict: 3 }],
    ["fits no adapter", '"question", "verdict"', "nearest adapters"],
  ],
  ["a prompt and one answer", [{ prompt: "p", completion: "c", label: true }], ["fits no adapter", '"completion"']],
  [
    "0 and 1 for responses a and b",
    [
      { prompt: "p", response_a: "x", response_b: "y", label: 0 },
      { prompt: "p", response_a: "x", response_b: "y", label: 1 },
    ],
    ["--adapter two-responses:0..1 if 0 means response_a", "--adapter two-responses:1..0 if 1 means response_a"],
  ],
  [
    "-1 and 1 for responses 1 and 2",
    [
      { prompt: "p", response_1: "x", response_2: "y", label: -1 },
      { prompt: "p", response_1: "x", response_2: "y", label: 1 },
    ],
    ["--adapter two-responses:-1..1", "--adapter two-responses:1..-1"],
  ],
  [
    "0, 1 and 2 in a column that has 0 and 1 in its data set",
    [0, 1, 2].map((id) => ({ prompt: "p", response_0: "x", response_1: "y", better_response_id: id })),
    ["--adapter pku-better:0,1,2 if 0 means response_0, 1 response_1 and 2 a tie", "pku-better:1,2,0 if 0 means a tie"],
  ],
  [
    "0, 1 and 2 for responses 1 and 2, of which one may be a tie",
    [0, 1, 2].map((label) => ({ prompt: "p", "response 1": "x", "response 2": "y", label })),
    [
      "--adapter two-responses:0,1,2 if 0 means response 1, 1 response 2 and 2 a tie",
      "--adapter two-responses:1,2,0 if 0 means a tie",
      "--adapter two-responses:0..2 if 0 means response 1, 1 a tie and 2 response 2",
    ],
  ],
  [
    "0 and 1 for responses 1 and 2",
    [
      { prompt: "p", response_1: "x", response_2: "y", label: 1 },
      { prompt: "p", response_1: "x", response_2: "y", label: 0 },
    ],
    ["do not say which response is better"],
  ],
  [
    "only 1 for responses 1 and 2, as a file has that is sorted by its labels 0 and 1",
    [1, 1, null].map((label) => ({ prompt: "p", response_1: "x", response_2: "y", label })),
    ["--adapter two-responses:1..2 if 1 means response_1", "--adapter two-responses:0..1 if 1 means response_2"],
  ],
  [
    "scores with decimal commas, as Excel writes them",
    ["7,5", "3,5"].map((score) => ({ prompt: "p", response: "x", score })),
    ['rated-rows ("score" has the string "7,5", which is not a number)'],
  ],
  ["no columns", [{}], ["fits no adapter: its rows have no columns."]],
  [
    "words that name neither response",
    [{ prompt: "p", response_a: "x", response_b: "y", winner: "left" }],
    ['"winner" has the string "left" at line 1;', "response_a, response_b"],
  ],
  [
    "marks of two data sets",
    [{ prompt: "p", response_1: "a", response_2: "b", preference_strength: 1, response_0: "c", better_response_id: 0 }],
    [/fits \d adapters/, "helpsteer2", "pku-better"],
  ],
];

describe("a file that fits no layout, or several", () => {
  it.each(refused)("is refused: %s", async (_, rows, parts) => {
    const error = await findLayout(fileOf(rows), {}).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: "ERR_INVALID_DATA" });
    for (const part of parts) expect((error as Error).message).toMatch(part);
    expect((error as Error).message).not.toMatch(/\n|\.\.$/);
  });

  it("says which names there are", async () => {
    await expect(findLayout(fileOf([{}]), { adapter: "helpster2" })).rejects.toThrow(/Did you mean "helpsteer2"\?/);
    expect((await findLayout(fileOf([{ ...sides, label: 1e-7 }]), { adapter: "two-responses:1e-7..1" })).name).toBe(
      "two-responses:1e-7..1",
    );
    await expect(findLayout(fileOf([{}]), { adapter: "two-responses:1..1" })).rejects.toThrow(/FIRST\.\.SECOND/);
    await expect(findLayout(fileOf([{}]), { adapter: "two-responses:0,1,1" })).rejects.toThrow(/FIRST,SECOND,TIE/);
  });
});

const sides = { prompt: "p", response_a: "x", response_b: "y" };
const numbered = { prompt: "p", response_1: "x", response_2: "y" };
const many = <Row>(count: number, row: Row): Row[] => Array.from({ length: count }, () => row);

const otherLabels: readonly [string, readonly object[] | string, readonly (string | RegExp)[], string?][] = [
  [
    "strengths of HelpSteer2 from 1 to 7",
    [1, 2, 3, 7].map((preference_strength) => ({ ...numbered, preference_strength })),
    [
      'cannot be read as HelpSteer2 preference (helpsteer2): "preference_strength" has 7 at line 4, which is not a whole number ' +
        "from -3 to 3; its numbers go from 1 to 7. --adapter helpsteer2:1..7 if 1 means response_1",
    ],
  ],
  [
    "one beyond the rows that are looked at first",
    [...many(300, { ...numbered, preference_strength: 1 }), { ...numbered, preference_strength: 7 }],
    ["has 7 at line 301"],
  ],
  [
    "probabilities in place of strengths",
    [-1, 0.25].map((preference_strength) => ({ ...numbered, preference_strength })),
    ["has 0.25 at line 2, which is not a whole number"],
  ],
  [
    "strengths of 0 and 1 only",
    [...many(20, { ...numbered, preference_strength: 0 }), { ...numbered, preference_strength: 1 }],
    ['"preference_strength" has numbers from 0 to 1 only, in 21 rows', "--adapter helpsteer2:0..1"],
  ],
  [
    "strengths of HelpSteer3 from 1 to 3",
    [...many(10, [1, 2, 3]).flat()].map((overall_preference) => ({
      ...{ domain: "general", context: [{ role: "user", content: "q" }], response1: "x", response2: "y" },
      overall_preference,
    })),
    ['"overall_preference" has numbers from 1 to 3 only, in 30 rows', "--adapter helpsteer3:1..3"],
  ],
  [
    "preferences of AlpacaEval of 0 and 1 only",
    [...many(20, [0, 1]).flat()].map((preference) => ({ instruction: "i", output_1: "a", output_2: "b", preference })),
    ['"preference" has numbers from 0 to 1 only, in 40 rows', "--adapter alpaca-eval:0..1"],
  ],
  [
    "probabilities with an exponent",
    [1e-7, 0.75].map((label) => ({ ...sides, label })),
    ["--adapter two-responses:0..1 if 0 means response_a"],
  ],
  [
    "a scale that was named, and is another one",
    many(3, { ...sides, label: 7 }),
    [/from 0 to 1/],
    "two-responses:0..1",
  ],
  [
    "labels asked for by name",
    [
      { ...sides, label: "a" },
      { ...sides, label: 1 },
    ],
    [/do not say which/],
    "two-responses",
  ],
  [
    "a choice from 1",
    [
      {
        info: { id: "1", post: "p", title: "t", subreddit: "s" },
        summaries: [{ text: "a" }, { text: "b" }],
        choice: 2,
      },
    ],
    ['"choice" has 2 at line 1, which is not a whole number from 0 to 1'],
  ],
  [
    "an index from 1",
    [1, 2].map((better_response_id) => ({ prompt: "p", response_0: "a", response_1: "b", better_response_id })),
    ['"better_response_id" has 2 at line 2', "--adapter pku-better:1..2 if 1 means response_0"],
  ],
  [
    "a preference out of range",
    [{ instruction: "i", output_1: "a", output_2: "b", preference: 3 }],
    ['"preference" has 3 at line 1', "--adapter alpaca-eval:"],
  ],
  [
    "winners of the Arena in other words",
    ["model_a", "model_b", "B", "B"].map((winner) => ({
      ...{ model_a: "m", model_b: "n", winner, turn: 1 },
      conversation_a: [
        { role: "user", content: "q" },
        { role: "assistant", content: "a" },
      ],
      conversation_b: [
        { role: "user", content: "q" },
        { role: "assistant", content: "b" },
      ],
    })),
    ['"winner" has the string "B" at line 3 (and 2 of 4 labels like it); expected one of "model_a", "model_b"'],
  ],
  [
    "more than a few words that name neither response",
    [...many(90, { ...sides, winner: "a" }), ...many(2, { ...sides, winner: "left" })],
    ['"winner" has the string "left" at line 91 (and 2 of 92 labels like it)'],
  ],
  [
    "labels that come late, and say nothing of the responses",
    [...many(250, { ...sides, label: null }), { ...sides, label: 0 }, { ...sides, label: 1 }],
    ["--adapter two-responses:0..1 if 0 means response_a"],
  ],
  [
    "booleans of pandas in CSV",
    "prompt,response_a,response_b,label\np,x,y,True\np,x,y,False\n",
    ["has true and false, as 1 and 0", "--adapter two-responses:0..1 if 0 means response_a"],
  ],
];

describe("labels that the layout does not have", () => {
  it.each(otherLabels)("refuse the file before anything is measured: %s", async (_, rows, parts, adapter) => {
    const error = await read(rows, adapter).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: "ERR_INVALID_DATA" });
    for (const part of parts) expect((error as Error).message).toMatch(part);
    expect((error as Error).message).not.toMatch(/\n|\.\.$|\.;/);
  });

  it("are a problem of one row among many", async () => {
    const { cases, problems } = await read([...many(9, { ...sides, winner: "a" }), { ...sides, winner: "left" }]);
    expect(cases).toHaveLength(9);
    expect(problems).toEqual([expect.stringContaining("left")]);
  });

  it("are read where the scale is named", async () => {
    const rows = [1, 4, 7].map((preference_strength) => ({ ...numbered, preference_strength }));
    const { found, cases, omitted, problems } = await read(rows, "helpsteer2:1..7");
    expect(found).toBe("helpsteer2:1..7");
    expect(cases.flatMap(said)).toEqual(["p: x > y", "p: y > x"]);
    expect({ omitted, problems }).toEqual({ omitted: { tie: 1 }, problems: [] });
  });

  it("may be of one side, if the layout is asked for", async () => {
    const { cases } = await read(many(20, { ...numbered, preference_strength: 1 }), "helpsteer2");
    expect(cases).toHaveLength(20);
  });
});

describe("labels that come after many rows without one", () => {
  it.each([
    ["two-responses", { ...sides, winner: null }, ["a", "b"].map((winner) => ({ ...sides, winner }))],
    [
      "helpsteer2",
      { ...numbered, preference_strength: null },
      [-3, 2].map((preference_strength) => ({ ...numbered, preference_strength })),
    ],
    [
      "pku-better",
      { ...{ prompt: "p", response_0: "x", response_1: "y" }, is_response_0_safe: true, better_response_id: null },
      [0, 1].map((better_response_id) => ({
        ...{ prompt: "p", response_0: "x", response_1: "y" },
        is_response_0_safe: true,
        better_response_id,
      })),
    ],
  ])("are read: %s", async (adapter, without, judged) => {
    const rows = [
      ...many(250, { ...without, is_response_1_safe: false }),
      ...judged.map((row) => ({ ...row, is_response_1_safe: false })),
    ];
    const { found, cases, problems } = await read(rows);
    expect(problems).toEqual([]);
    expect(found).toBe(adapter);
    expect(cases.flatMap(said)).toEqual(["p: x > y", "p: y > x"]);
  });
});

const wrongRows: readonly [string, object, string][] = [
  [
    "a label against the scores",
    { history: "h", human_ref_A: "a", human_ref_B: "b", labels: 1, score_A: 1, score_B: 5 },
    "labels",
  ],
  [
    "two winners",
    { prompt: '["q"]', response_a: '["a"]', response_b: '["b"]', winner_model_a: 1, winner_model_b: 1, winner_tie: 0 },
    "winner_model_a",
  ],
  [
    "turns as Python prints them",
    { prompt: "['q']", response_a: "['a']", response_b: "['b']", winner_model_a: 1, winner_model_b: 0, winner_tie: 0 },
    "prompt",
  ],
  [
    "a context that was answered",
    {
      context: [
        { role: "user", content: "q" },
        { role: "assistant", content: "a" },
      ],
      response1: "a",
      response2: "b",
      overall_preference: 1,
    },
    "context",
  ],
  ["tools", { prompt: "p", chosen: "a", rejected: "b", tools: [{ name: "f" }] }, "tools"],
];

describe("a row that is not as its data set has them", () => {
  it("is told what rows have, where their names vary", async () => {
    const { problems } = await read([{ instruction: "p", responses: ["a", "b"], scores: [1, 2] }, { other: 1 }]);
    expect(problems).toEqual([expect.stringContaining('Expected {"prompt","responses","scores"} for the row')]);
  });

  it("is invalid with a score beyond all numbers", async () => {
    const row = { question: { full_text: "q" }, answer_0: "a", answer_1: "b", score_0: "1e999", score_1: "1e400" };
    const { cases, omitted, problems } = await read([row], "webgpt");
    expect({ cases, omitted }).toEqual({ cases: [], omitted: {} });
    expect(problems).toEqual([expect.stringContaining("Expected a number for score_0")]);
  });

  it("is told where its conversation may be", async () => {
    const sides = { chosen: { role: "assistant", content: "a" }, rejected: { role: "assistant", content: "b" } };
    const { problems } = await read([{ prompt: "p", ...sides }, sides]);
    expect(problems).toEqual([expect.stringMatching(/expected one list of messages \(in .*\w\)\.$/)]);
  });

  it.each(wrongRows)("is invalid, and not compared: %s", async (_, row, field) => {
    const { cases, problems } = await read([row]);
    expect(cases).toEqual([]);
    expect(problems[0]).toContain(field);
  });
});

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const system = { role: "system", content: "s" };
const texts = { chosen: "It is red", rejected: "It is blue" };
const answers = { chosen_response: "a", rejected_response: "b" };
const voted = { judge: "expert_1", model_a: "m", model_b: "n", winner: "model_a" };

describe("a prompt beside the one that is scored", () => {
  it.each([
    ["in a file of texts without prompts", { ...texts, prompt: "What is not blue?" }, "prompt", "trl-texts"],
    ["beside an instruction", { instruction: "i", prompt: "another", ...answers }, "prompt"],
    ["beside LLaMA-Factory's instruction", { instruction: "i", prompt: "p", ...texts }, "prompt", "alpaca-ranking"],
    [
      "last of several turns",
      { prompt: "q2", messages: [user("q1"), assistant("a1"), user("q2")], ...texts },
      "messages",
    ],
    ["without a system turn", { prompt: "q", messages: [system, user("q")], ...texts }, "messages"],
    ["of ranked responses", { prompt: "q", messages: [user("p")], responses: ["a", "b"], ranks: [1, 2] }, "messages"],
    ["of SHP", { history: "h", messages: [user("p")], human_ref_A: "a", human_ref_B: "b", labels: 1 }, "messages"],
  ] as const)("is refused: %s", async (_, row, name, adapter?: string) => {
    const { problems } = await read([row], adapter);
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^The row has .*"${name}".*--ignore-field ${name}`))]);
    const ignored = await read([row], adapter, { ignoreFields: [name] });
    expect(ignored).toMatchObject({ problems: [], counted: 1 });
  });

  it.each([
    ["a prompt that both texts begin with", { ...texts, prompt: "It is" }, "trl-texts"],
    ["the instruction", { instruction: "What  is it? ", prompt: "What is it?", ...answers }, undefined],
    ["messages with the answer", { prompt: "q ", messages: [user("q"), assistant("a")], ...texts }, undefined],
    [
      "messages before the system turn of a field",
      { system: "s", prompt: "q", messages: [user("q")], ...texts },
      undefined,
    ],
    [
      "messages in a CSV cell",
      `prompt,messages,chosen,rejected\nq,"[{""role"":""user"",""content"":""q""}]",a,b\n`,
      undefined,
    ],
    [
      "the history as JSON",
      { history: "h", messages: JSON.stringify([user("h")]), human_ref_A: "a", human_ref_B: "b", labels: 1 },
      undefined,
    ],
  ] as const)("may repeat it: %s", async (_, row, adapter) => {
    const { problems, counted } = await read(typeof row === "string" ? row : [row], adapter);
    expect({ problems, counted }).toEqual({ problems: [], counted: 1 });
  });
});

describe("responses with the same text", () => {
  const turns = [user("q"), assistant("a"), user("q2"), assistant("a2")];
  it.each([
    ["Arena", { ...voted, turn: 2, tstamp: 1, conversation_a: turns, conversation_b: turns }],
    [
      "MT-Bench, whose later turns are not compared",
      { ...voted, question_id: 81, turn: 1, conversation_a: turns, conversation_b: turns.slice(0, 2) },
    ],
    ["Nectar", { prompt: "\n\nHuman: q\n\nAssistant: ", answers: [1, 2].map((rank) => ({ answer: "a", rank })) }],
  ])("are not compared: %s", async (_, row) => {
    expect(await read([row])).toMatchObject({ counted: 0, omitted: { "same text": 1 }, problems: [] });
  });

  it("leave the other comparisons of their row", async () => {
    const ranked = ["a", "a", "b"].map((answer, i) => ({ answer, rank: i + 1 }));
    const { cases } = await read([{ prompt: "\n\nHuman: q\n\nAssistant: ", answers: ranked }]);
    expect(cases.flatMap(said)).toEqual(["q: a > b", "q: a > b"]);
  });
});

it("a CSV file may say how many turns a row has", async () => {
  const answers = JSON.stringify([1, 2].map((rank) => ({ answer: `a${rank}`, rank }))).replaceAll('"', '""');
  const rows = [1, "2.0"].map((turns) => `"\n\nHuman: q\n\nAssistant: ","${answers}",${turns}\n`);
  const { found, cases, problems } = await read(`prompt,answers,turns\n${rows.join("")}`);
  expect({ found, problems }).toEqual({ found: "nectar", problems: [] });
  expect(cases.flatMap(said)).toEqual(["q: a1 > a2", "q: a1 > a2"]);
});

it("a CSV file may say which replies were deleted", async () => {
  const replies = ["a,0,True", "b,1,False", "c,2,false", "d,3,"].map((text) => `${text[0]},1,assistant,${text}\n`);
  const { cases } = await read(
    `message_id,parent_id,role,text,rank,deleted\n1,,prompter,q,,False\n${replies.join("")}`,
  );
  expect(cases.flatMap(said)).toEqual(["q: b > c", "q: b > d", "q: c > d"]);
});

it("pairs of distilabel are ties by their status, also where the prompt has another name", async () => {
  const pair = { prompt: "p", chosen: "a", rejected: "b" };
  const { found, counted, omitted } = await read([pair, { ...pair, status: "tie" }, { ...pair, status: "swapped" }]);
  expect({ found, counted, omitted }).toEqual({ found: "pairs", counted: 2, omitted: { tie: 1 } });
});
