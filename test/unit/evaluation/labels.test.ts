/** Labels that a layout does not have: refused before anything is measured, with what to do. */
import { describe, expect, it } from "vitest";
import { adaptHuman } from "../../../src/evaluation/adapters/human.ts";
import { OpenBenchmark } from "../../../src/evaluation/open-benchmark.ts";
import { fileOf, many, numbered, read, said, sides } from "./read-layout.ts";

const otherLabels: readonly [string, readonly object[] | string, readonly (string | RegExp)[], string?][] = [
  [
    "strengths of HelpSteer2 from 1 to 7",
    [1, 2, 3, 7].map((preference_strength) => ({ ...numbered, preference_strength })),
    [
      'cannot be read as HelpSteer2 preference (helpsteer2): "preference_strength" has 7 at line 4; expected a whole number ' +
        "from -3 to 3, but the column has numbers from 1 to 7. --adapter helpsteer2:1..7 if 1 means response_1, or ",
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
    ["has 0.25 at line 2; expected a whole number from -3 to 3, but the column has numbers from -1 to 0.25"],
  ],
  [
    "strengths of 0 and 1 only",
    [...many(20, { ...numbered, preference_strength: 0 }), { ...numbered, preference_strength: 1 }],
    ['"preference_strength" has only numbers from 0 to 1 in 21 rows', "--adapter helpsteer2:0..1"],
  ],
  [
    "strengths of HelpSteer3 from 1 to 3",
    [...many(10, [1, 2, 3]).flat()].map((overall_preference) => ({
      ...{ domain: "general", context: [{ role: "user", content: "q" }], response1: "x", response2: "y" },
      overall_preference,
    })),
    ['"overall_preference" has only numbers from 1 to 3 in 30 rows', "--adapter helpsteer3:1..3"],
  ],
  [
    "preferences of AlpacaEval of 0 and 1 only",
    [...many(20, [0, 1]).flat()].map((preference) => ({ instruction: "i", output_1: "a", output_2: "b", preference })),
    ['"preference" has only numbers from 0 to 1 in 40 rows', "--adapter alpaca-eval:0..1"],
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
    ['"label" has 1 at line 2, but the other label is "a". Rewrite all labels as "a" (response_a), '],
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
    [
      '"choice" has 2 at line 1; expected a whole number from 0 to 1, but the column has the number 2. Write 0 for the first',
    ],
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
    [
      '"winner" has the string "B" at line 3, the first of 2 unknown labels among 4; expected "model_a", "model_b" or "tie". Rewrite',
    ],
  ],
  [
    "more than a few words that name neither response",
    [...many(90, { ...sides, winner: "a" }), ...many(2, { ...sides, winner: "left" })],
    ['"winner" has the string "left" at line 91, the first of 2 unknown labels among 92'],
  ],
  [
    "labels that come late, and say nothing of the responses",
    [...many(250, { ...sides, label: null }), { ...sides, label: 0 }, { ...sides, label: 1 }],
    ["--adapter two-responses:0..1 if 0 means response_a"],
  ],
  [
    "booleans of pandas in CSV",
    "prompt,response_a,response_b,label\np,x,y,True\np,x,y,False\n",
    [
      "has true and false, which do not say which",
      "--adapter two-responses:0..1 if false means response_a",
      "if true means",
    ],
  ],
  [
    "one number among many that name responses",
    [...many(20, [1, 2]).flat(), 9].map((label) => ({ ...numbered, label })),
    [/"label" has 9 at line 41, but the other 40 labels are 1 and 2\. Correct or remove that row\.$/],
  ],
  [
    "one number among words",
    [...many(20, ["a", "b"]).flat(), 1].map((label) => ({ ...sides, label })),
    [/"label" has 1 at line 41, but the other 40 labels are "a" and "b"\. Correct or remove that row\.$/],
  ],
  [
    "one number that may be a code for a tie",
    [...many(20, [1, 2]).flat(), 0].map((label) => ({ ...numbered, label })),
    ['"label" has 0 at line 41, which names neither response', "--adapter two-responses:1,2,0 if 0 means a tie"],
  ],
  [
    "one number in the middle of the others",
    [...many(20, [0, 1]).flat(), 0.5].map((label) => ({ prompt: "p", response_0: "x", response_1: "y", label })),
    ['"label" has 0.5 at line 41, which names neither response', "--adapter two-responses:0..1 if 0 means response_0"],
  ],
  [
    "one number beyond a scale",
    [...many(20, [-3, 2]).flat(), 9].map((preference_strength) => ({ ...numbered, preference_strength })),
    [
      "has 9 at line 41; expected a whole number from -3 to 3 (the other 40 labels are -3 and 2). Correct or remove that row.",
    ],
  ],
  [
    "numbers from 0 for three responses from 1",
    [0, 1, 2].map((label) => ({ ...numbered, response_3: "z", label })),
    [
      '"label" has 0 at line 1; expected "1" (response_1), "2" (response_2), "3"',
      "If 0 means response_1, add 1 to every label",
    ],
  ],
  [
    "numbers from 1 for three responses from 0",
    [1, 2, 3].map((label) => ({ prompt: "p", response_0: "x", response_1: "y", response_2: "z", label })),
    ['"label" has 3 at line 3', "If 3 means response_2, subtract 1 from every label; if it means a tie"],
  ],
  [
    "a scale for three responses",
    [0, 1, 2].map((label) => ({ ...numbered, response_3: "z", label })),
    ["it has 3 responses, and numbers on a scale compare two"],
    "two-responses:0..2",
  ],
  [
    "words that people use",
    ["chosen_a", "left", "👈", "A is much better"].map((label) => ({ ...sides, label })),
    [
      '"label" has the string "chosen_a" at line 1, and none of its 4 labels is known; expected "a" (response_a), "b" (response_b) ' +
        'or "tie". Rewrite the labels like that, or as numbers for --adapter two-responses:0..1 (0 is response_a, 1 is response_b)',
    ],
  ],
  [
    "a percentage",
    [{ ...sides, label: "42%" }],
    ['as numbers (0.42 in place of "42%") for --adapter two-responses:0..1'],
  ],
  ["a decimal comma", "prompt;response_a;response_b;label\np;x;y;0,9\n", ['as numbers (0.9 in place of "0,9")']],
  [
    "a percentage where numbers were asked for",
    [{ ...sides, label: "42%" }],
    ['expected a number from 0 to 1, or "tie". Rewrite the labels as such numbers (0.42 in place of "42%")'],
    "two-responses:0..1",
  ],
  ["the label in a list", [{ ...sides, label: ["a"] }], ['"label" has an array of length 1 at line 1']],
  ["a letter with another sign", [{ ...sides, label: "¬a" }], ['"label" has the string "¬a" at line 1']],
];

describe("labels that the layout does not have", () => {
  it.each(otherLabels)("refuse the file before anything is measured: %s", async (_, rows, parts, adapter) => {
    const error = await read(rows, adapter).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: "ERR_INVALID_DATA" });
    for (const part of parts) expect((error as Error).message).toMatch(part);
    expect((error as Error).message).not.toMatch(/\n|\.\.$|\.;|Infinity|undefined/);
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

describe("words for ties", () => {
  const TIES = ["tie", "Tie (bothbad)", "both_bad", "draw", "equal"];

  it.each([
    ["two-responses:0..1", sides, "label", [0, 1]],
    ["two-responses:0..1", sides, "label", ["0", "1"]],
    ["two-responses:0,1,2", sides, "label", [0, 1]],
    ["helpsteer2", numbered, "preference_strength", [-3, 2]],
    ["alpaca-eval", { instruction: "p", output_1: "x", output_2: "y" }, "preference", [1, 2]],
    ["pku-better", { prompt: "p", response_0: "x", response_1: "y" }, "better_response_id", [0, 1]],
    ["shp", { history: "p", human_ref_A: "x", human_ref_B: "y" }, "labels", [1, 0]],
  ])("are ties beside numbers, also where most rows have them: %s", async (adapter, row, name, numbers) => {
    const rows = [...TIES, ...numbers].map((label) => ({ ...row, [name]: label }));
    const { found, cases, omitted, problems } = await read(rows, adapter.includes(":") ? adapter : undefined);
    expect({ found, omitted, problems }).toEqual({ found: adapter, omitted: { tie: 5 }, problems: [] });
    expect(cases.flatMap(said)).toEqual(["p: x > y", "p: y > x"]);
  });

  it("are ties of summaries", async () => {
    const info = { id: "1", post: "p", title: "t", subreddit: "s" };
    const rows = [1, "tie"].map((choice) => ({ info, summaries: [{ text: "a" }, { text: "b" }], choice }));
    const { cases, omitted, problems } = await read(rows);
    expect({ omitted, problems }).toEqual({ omitted: { tie: 1 }, problems: [] });
    expect(cases.flatMap(said)).toEqual([expect.stringContaining("b > a")]);
  });

  it("are ties of conversations, counted by their own names", async () => {
    const [a, b] = ["a", "b"].map((content) => [
      { role: "user", content: "q" },
      { role: "assistant", content },
    ]);
    const row = { conversation_a: a, conversation_b: b, model_a: "m", model_b: "n" };
    expect(TIES.map((winner) => adaptHuman({ ...row, winner }))).toEqual(TIES.map((omitted) => ({ omitted })));
  });
});

describe("more than two responses", () => {
  it("may have letters, of which the third is no tie", async () => {
    const rows = ["a", "C", "tie"].map((label) => ({ ...sides, response_c: "z", label }));
    const { cases, omitted, problems } = await read(rows);
    expect({ omitted, problems }).toEqual({ omitted: { tie: 1 }, problems: [] });
    expect(cases.flatMap(said)).toEqual(["p: x > y", "p: x > z", "p: z > x", "p: z > y"]);
  });

  it("may be ten and more", async () => {
    const texts = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`response_${i + 1}`, `t${i + 1}`]));
    const { cases, problems } = await read([{ prompt: "p", ...texts, best: 11 }]);
    expect(problems).toEqual([]);
    expect(cases.flatMap(said)).toHaveLength(10);
    expect(cases.flatMap(said)[0]).toBe("p: t11 > t1");
  });
});

describe("labels of a benchmark's own file", () => {
  const turns = (content: string) => [
    { role: "user", content: "q" },
    { role: "assistant", content },
  ];
  const voted = { model_a: "m", model_b: "n" };

  it.each([
    ["human", { ...voted, conversation_a: turns("a"), conversation_b: turns("b") }],
    ["ppe", { ...voted, prompt: "p", response_1: "x", response_2: "y" }],
  ] as const)("are looked at before anything is measured: %s", async (benchmark, row) => {
    const open = (winners: readonly unknown[]) =>
      OpenBenchmark.open(
        { benchmark, inputs: [fileOf(winners.map((winner) => ({ ...row, winner }))).path] },
        { limit: undefined, seed: 1, strict: false, onProblem: () => undefined },
      );
    await expect(open(["model_a", "model_b", "tie", "tie (bothbad)", null])).resolves.toMatchObject({
      name: benchmark,
    });
    await expect(open([0, 1, "model_a"])).rejects.toThrow(
      '"winner" has 0 at line 1, the first of 2 unknown labels among 3; expected "model_a", "model_b" or "tie". Rewrite',
    );
    await expect(open(["A", "B"])).rejects.toThrow(/"winner" has the string "A" at line 1, and none of its 2 labels/);
  });

  it("are not missed in rows of another shape", async () => {
    const { path } = fileOf([{ prompt: "p", winner: "A" }]);
    const open = (benchmark: "human" | "ppe") =>
      OpenBenchmark.open(
        { benchmark, inputs: [path] },
        { limit: undefined, seed: 1, strict: false, onProblem: () => undefined },
      );
    await expect(open("human")).resolves.toMatchObject({ name: "human" });
    await expect(open("ppe")).resolves.toMatchObject({ name: "ppe" });
  });
});
