/** Public data sets as they are published: found from their columns, and compared the right way round. */
import { describe, expect, it } from "vitest";
import { layouts } from "../../../src/evaluation/adapters/layouts.ts";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import { findLayout } from "../../../src/evaluation/find-layout.ts";
import { published } from "./published-rows.ts";
import { fileOf, many, numbered, read, said, sides } from "./read-layout.ts";

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

  it("can have no scores of a row: distilabel's ratings are null where the judge's answer could not be read", async () => {
    const row = { instruction: "p", generations: ["a", "b"] };
    const rows = [{ ...row, ratings: [1, 2] }, { ...row, ratings: null }, row];
    const { found, cases, omitted, problems } = await read(rows);
    expect([found, cases.flatMap(said)]).toEqual(["rated-responses", ["p: b > a"]]);
    expect(omitted).toEqual({ "fewer than two ranked": 1 });
    expect(problems).toEqual([expect.stringContaining('Expected {"instruction","generations","scores"}')]);
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
    [{ question: "q", response_A: "a", verdict: 3 }],
    [
      "fits no adapter",
      '"question", "response_A", "verdict"',
      'nearest adapters: judgebench (without "response_B", "label")',
    ],
  ],
  ["a prompt and a verdict", [{ prompt: "p", verdict: 3 }], ['"prompt", "verdict". --adapter NAME chooses one']],
  [
    "unpaired preferences",
    [true, false].map((label) => ({ prompt: "p", completion: `${label}`, label })),
    [
      /each row has one response and a label \("label"\), and only responses to the same prompt can be compared\. --field score=label compares those \(rated-rows\): true is better than false\.$/,
    ],
  ],
  [
    "unpaired preferences in numbers, and none to the same prompt",
    [1, 0].map((label) => ({ prompt: `p${label}`, response: "x", label })),
    [
      "--field score=label compares those (rated-rows): a higher number is better. None of the first 2 rows",
      '"starling-rm score"',
    ],
  ],
  [
    "unpaired preferences by another name",
    [{ prompt: "p", response: "x", is_correct: true }],
    ["--field score=is_correct"],
  ],
  [
    "unpaired preferences in words",
    [{ prompt: "p", response: "x", label: "yes" }],
    [
      'Write the label as a number, such as 1 for a good response and 0 for a bad one, in a column "score" (rated-rows)',
    ],
  ],
  [
    "a label in an object",
    [{ ...sides, annotations: { winner: "a" } }],
    [
      /the nearest adapter: two-responses \(no column has the name of a label: --field label=COLUMN says which it is\)\.$/,
    ],
  ],
  [
    "responses with a gap",
    [{ ...sides, response_d: "z", label: "d" }],
    [
      "two-responses (response_a, response_b, response_d are not counted without a gap from a, 0 or 1: rename or remove",
    ],
  ],
  [
    "two labels",
    [{ ...sides, label: "a", winner: "b" }],
    ['two-responses (the label may be "label" or "winner": --field label=label chooses one)'],
  ],
  [
    "two sets of responses",
    [{ ...sides, answer_a: "x", answer_b: "y", label: "b" }],
    [
      "two-responses (the responses may be response_a, response_b or answer_a, answer_b: remove those that are not meant)",
    ],
  ],
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
    [
      '"label" has 0 at line 2, which names neither response, among numbers from 0 to 1: --adapter two-responses:0..1 if 0',
    ],
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
    ['"winner" has the string "left" at line 1; expected "a" (response_a), "b" (response_b) or "tie"'],
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

  it.each([
    ["helpster2", 'did you mean "helpsteer2"?'],
    ["two_responses:0..1", 'did you mean "two-responses:0..1"?'],
    ["two-responses:1..1", "expected two-responses:FIRST..SECOND with two different numbers (two-responses:0..1), or "],
    ["two-responses:0,1,1", "two-responses:FIRST,SECOND,TIE with three (two-responses:0,1,2)."],
    ["helpsteer2:a..b", "expected helpsteer2:FIRST..SECOND with two different numbers"],
    ["shp:1..2", "shp takes no numbers. Only two-responses, helpsteer2, "],
    ["xyz", '"starling-rm eval pairs --adapter list" lists their names.'],
  ])("says what a name should be: %s", async (adapter, advice) => {
    const error = await findLayout(fileOf([{}]), { adapter }).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: "ERR_INVALID_ARGUMENT", field: "adapter" });
    expect((error as Error).message).toContain(`"${adapter}" is not an adapter: `);
    expect((error as Error).message).toContain(advice);
    expect((error as Error).message.length).toBeLessThan(200);
  });

  it("takes numbers with an exponent in a name", async () => {
    const rows = fileOf([{ ...sides, label: 1e-7 }]);
    expect((await findLayout(rows, { adapter: "two-responses:1e-7..1" })).name).toBe("two-responses:1e-7..1");
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
