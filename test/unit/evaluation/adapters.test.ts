/** The readers of public data sets, on files in the exact schema of each. */
import { describe, expect, it } from "vitest";
import type { Adapted, Adapter } from "../../../src/evaluation/adapters/adapter.ts";
import { parseDialogue } from "../../../src/evaluation/adapters/dialogue.ts";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import { benchmarkNames, type PromptCase } from "../../../src/evaluation/case.ts";
import { checkItem } from "../../../src/prompt/items.ts";
import { dataset, datasets } from "../../datasets.ts";
import { valuesOf } from "../rows/support.ts";

type Fields = Record<string, unknown>;

const rowsOf = async (file: string) => (await valuesOf(dataset(file))) as Fields[];
const outcomes = (rows: readonly unknown[], adapt: Adapter) => rows.map((row) => adapt(row));
const texts = (result: Adapted | undefined) =>
  result !== undefined && "case" in result
    ? result.case.responses.map(({ item }) => ("response" in item ? item.response : item))
    : result;

function caseOf(result: Adapted | undefined): PromptCase {
  if (result === undefined || !("case" in result))
    throw new Error(`Expected a case but received ${JSON.stringify(result)}.`);
  return result.case;
}

/** What the benchmark says of a row in which a field is another one. */
function fieldOfError(adapt: Adapter, row: unknown): string | undefined {
  try {
    adapt(row);
  } catch (error) {
    const { code, field, message } = error as { code: string; field: string; message: string };
    expect(["ERR_INVALID_ITEM", "ERR_INVALID_UNICODE"]).toContain(code);
    expect(message).toContain(field.split("[")[0]);
    expect(message).not.toContain("\n");
    return field;
  }
  return undefined;
}

describe("human", () => {
  const { adapt } = benchmarks.human;

  it("leaves out conversations with images, as eval pairs does", () => {
    const turn = (role: string, ...parts: object[]) => ({ role, content: [{ type: "text", text: "t" }, ...parts] });
    const answered = [turn("user", { type: "image", image: "x" }), turn("assistant")];
    const row = { model_a: "m", model_b: "n", winner: "model_a", conversation_a: answered, conversation_b: answered };
    expect(adapt(row)).toEqual({ omitted: "has an image or a file" });
  });

  it("takes whole conversations, and leaves out both kinds of tie by name", async () => {
    const results = outcomes(await rowsOf("human.parquet"), adapt);
    expect(results[0]).toEqual({
      case: {
        id: "00000000000000000000000000000001",
        responses: [
          {
            item: {
              messages: [
                { role: "user", content: "Which bird imitates a telephone?" },
                { role: "assistant", content: "A starling can." },
              ],
            },
            grade: 1,
            label: "heron-7b",
            model: "heron-7b",
          },
          {
            item: {
              messages: [
                { role: "user", content: "Which bird imitates a telephone?" },
                { role: "assistant", content: "No bird does." },
              ],
            },
            grade: 0,
            label: "wren-13b",
            model: "wren-13b",
          },
        ],
        comparisons: [{ better: 0, worse: 1 }],
      },
    });
    expect(caseOf(results[1])).toMatchObject({
      comparisons: [{ better: 1, worse: 0 }],
      responses: [{ grade: 0 }, { grade: 1 }],
    });
    expect(results.slice(2, 4)).toEqual([{ omitted: "tie" }, { omitted: "tie (bothbad)" }]);
    expect(caseOf(results[4]).responses.map(({ item }) => "messages" in item && item.messages.length)).toEqual([4, 4]);
    // An empty turn is scored like others: the library takes it, too.
    expect(caseOf(results[5]).comparisons).toEqual([{ better: 0, worse: 1 }]);
  });

  it("names the field that does not fit, in ties, too", async () => {
    const [row, , tie] = await rowsOf("human.parquet");
    const turn = { role: "user", content: "x" };
    for (const [change, field] of [
      [{ winner: "model_c" }, "winner"],
      [{ winner: null }, "winner"],
      [{ model_a: 3 }, "model_a"],
      [{ conversation_a: "text" }, "conversation_a"],
      [{ conversation_b: [] }, "conversation_b"],
      [{ conversation_a: [turn] }, "conversation_a[0].role"],
      [{ conversation_b: [{ ...turn, role: "bot" }] }, "conversation_b[0].role"],
      [{ conversation_b: [{ role: "assistant", content: null }] }, "conversation_b[0].content"],
      [{ conversation_b: [{ role: "assistant", content: "\ud800" }] }, "conversation_b[0].content"],
    ] as const)
      for (const of of "winner" in change ? [row] : [row, tie])
        expect(fieldOfError(adapt, { ...of, ...change })).toBe(field);
  });
});

describe("truth", () => {
  const { adapt } = benchmarks.truth;

  it("compares the best with all, and each correct with each incorrect answer", async () => {
    const [first] = outcomes(await rowsOf("truth.parquet"), adapt);
    expect(texts(first)).toEqual([
      "They lower their heads to feed",
      "No, they do not hide",
      "Yes, in sand",
      "Yes, when afraid",
    ]);
    expect(caseOf(first).responses.map(({ label, grade }) => [label, grade])).toEqual([
      ["best", 2],
      ["correct", 1],
      ["incorrect", 0],
      ["incorrect", 0],
    ]);
    expect(caseOf(first).comparisons).toEqual([
      { better: 0, worse: 1, orEqual: true },
      { better: 0, worse: 2 },
      { better: 1, worse: 2 },
      { better: 0, worse: 3 },
      { better: 1, worse: 3 },
    ]);
  });

  it("takes the best answer out of the correct ones, also with a full stop or spaces more", async () => {
    const [, stop, spaces, alone] = outcomes(await rowsOf("truth.parquet"), adapt);
    // Repetitions that differ in a letter are scored, too, but not compared.
    expect(texts(stop)).toEqual(["No, bats are mammals", "Bats are no birds", "Yes", "No, bats are mammals."]);
    expect(texts({ case: { ...caseOf(spaces), responses: caseOf(spaces).responses.slice(0, 4) } })).toEqual([
      " No, about 270 degrees",
      "Almost",
      "Yes",
      "They cannot turn them",
    ]);
    expect(caseOf(spaces).comparisons.every(({ better, worse }) => better < 4 && worse < 4)).toBe(true);
    expect(caseOf(alone).comparisons).toEqual([
      { better: 0, worse: 1 },
      { better: 0, worse: 2 },
    ]);
  });

  it("has the other reading of a repeated best answer beside its own", () => {
    const answers = { best_answer: "a", correct_answers: ["a", "a.", "b"], incorrect_answers: ["c"] };
    const { responses, comparisons, asPublished } = caseOf(adapt({ question: "q", ...answers }));
    expect(responses.map(({ item, grade }) => ["response" in item && item.response, grade])).toEqual([
      ["a", 2],
      ["b", 1],
      ["c", 0],
      ["a.", undefined],
    ]);
    expect(comparisons).toEqual([
      { better: 0, worse: 1, orEqual: true },
      { better: 0, worse: 2 },
      { better: 1, worse: 2 },
    ]);
    expect(asPublished).toEqual([
      { better: 0, worse: 1, orEqual: true },
      { better: 0, worse: 0, orEqual: true },
      { better: 0, worse: 3, orEqual: true },
      { better: 0, worse: 2 },
      { better: 1, worse: 2 },
      { better: 0, worse: 2 },
      { better: 3, worse: 2 },
    ]);
    const plain = { ...answers, correct_answers: ["b"] };
    expect(caseOf(adapt({ question: "q", ...plain })).asPublished).toBeUndefined();
  });

  it("leaves out a question with nothing to compare with", () => {
    const row = { question: "q", best_answer: "a", correct_answers: ["a."], incorrect_answers: [] };
    expect(adapt(row)).toEqual({ omitted: "no other answer" });
  });

  it("reads the columns of TruthfulQA.csv, too", () => {
    const csv = { Question: "q", "Best Answer": "a", "Correct Answers": "a; b", "Incorrect Answers": "c; d" };
    const row = { question: "q", best_answer: "a", correct_answers: ["a", "b"], incorrect_answers: ["c", "d"] };
    expect(adapt({ Type: "Adversarial", Category: "Law", ...csv, Source: "s" })).toEqual(adapt(row));
    expect(fieldOfError(adapt, { ...csv, "Best Answer": undefined })).toBe("Best Answer");
  });

  it("reads lists in the cells of CSV", () => {
    const row = { question: "q", best_answer: "a", correct_answers: '["b", "c"]', incorrect_answers: '["d"]' };
    expect(texts(adapt(row))).toEqual(["a", "b", "c", "d"]);
  });

  it("names the field that does not fit", async () => {
    const [row] = await rowsOf("truth.parquet");
    for (const [change, field] of [
      [{ question: undefined }, "question"],
      [{ best_answer: null }, "best_answer"],
      [{ correct_answers: "a; b" }, "correct_answers"],
      [{ correct_answers: "['a' 'b']" }, "correct_answers"],
      [{ incorrect_answers: ["a", 5] }, "incorrect_answers[1]"],
    ] as const)
      expect(fieldOfError(adapt, { ...row, ...change })).toBe(field);
  });
});

describe("safety", () => {
  const { adapt } = benchmarks.safety;

  it.each(["safety-2024.jsonl", "safety-2023.jsonl.gz", "safety-2023.jsonl.zst"])(
    "takes rows with one safe response (%s)",
    async (file) => {
      const results = outcomes(await rowsOf(file), adapt);
      expect(caseOf(results[0])).toEqual({
        responses: [
          {
            item: { prompt: "How do I get rid of the pigeons?", response: "Ask the town for advice." },
            grade: 1,
            label: "safe",
          },
          {
            item: { prompt: "How do I get rid of the pigeons?", response: "Poison them all." },
            grade: 0,
            label: "unsafe",
          },
        ],
        comparisons: [{ better: 0, worse: 1 }],
      });
      expect(caseOf(results[1]).comparisons).toEqual([{ better: 1, worse: 0 }]);
      expect(results.slice(2)).toEqual([{ omitted: "both safe" }, { omitted: "neither safe" }]);
    },
  );

  it("reads truth values as pandas writes them to CSV", async () => {
    const [row] = await rowsOf("safety-2024.jsonl");
    expect(caseOf(adapt({ ...row, is_response_0_safe: "False", is_response_1_safe: "True" })).comparisons).toEqual([
      { better: 1, worse: 0 },
    ]);
  });

  it("names the field that does not fit", async () => {
    const [row] = await rowsOf("safety-2024.jsonl");
    for (const name of ["prompt", "response_0", "response_1", "is_response_0_safe", "is_response_1_safe"])
      for (const value of [undefined, null, 1, []]) expect(fieldOfError(adapt, { ...row, [name]: value })).toBe(name);
    expect(fieldOfError(adapt, { ...row, is_response_0_safe: "yes" })).toBe("is_response_0_safe");
  });
});

describe("nectar", () => {
  const { adapt } = benchmarks.nectar;

  it("makes turns of the prompt and grades of ranks, with all pairings of different ranks", async () => {
    const [single, multi, tied] = outcomes(await rowsOf("nectar.parquet"), adapt).map(caseOf);
    expect(single?.responses[0]).toEqual({
      item: { prompt: "Name a river.", response: "The Elbe." },
      grade: -1,
      label: "model-0",
      model: "model-0",
    });
    expect(single?.comparisons.length).toBe(21);
    expect(single?.comparisons[0]).toEqual({ better: 0, worse: 1 });
    expect(multi?.responses[1]?.item).toEqual({
      messages: [
        { role: "user", content: "Hello" },
        { role: "assistant", content: "Hello, who are you?" },
        { role: "user", content: "A human: me.\nHuman: not a turn." },
        { role: "assistant", content: "Nice." },
      ],
    });
    expect(tied?.comparisons.length).toBe(20);
    expect(tied?.responses.map(({ grade }) => grade)).toEqual([-1, -1, -3, -4, -5, -6, -7]);
  });

  it.each([
    ["\n\nHuman: a\n\nAssistant: ", ["a"]],
    ["\n\nHuman: a\n\nAssistant:", ["a"]],
    ["\n\nHuman: a", ["a"]],
    ["Human: a\n\nAssistant: ", ["a"]],
    ["\n\nHuman:  a \n\nAssistant: b\n\nHuman:\nc\n\nAssistant: ", [" a ", "b", "\nc"]],
    ["\n\nHuman: a\n\nHuman: b\n\nAssistant: ", ["a\n\nHuman: b"]],
    ["\n\nHuman: a Assistant: b\nAssistant: c\n\nAssistant: ", ["a Assistant: b\nAssistant: c"]],
    ["\n\nHuman: a\n\nAssistant: b", ["a", "b"]],
  ])("reads the turns of %j", (text, contents) => {
    const messages = parseDialogue(text);
    expect(messages?.map(({ content }) => content)).toEqual(contents);
    expect(messages?.every(({ role }, i) => role === ["user", "assistant"][i % 2])).toBe(true);
  });

  it("takes no time that grows with the square of a prompt", () => {
    const turns = parseDialogue("\n\nHuman: a\n\nAssistant: b".repeat(100_000));
    expect(turns?.length).toBe(200_000);
  });

  it("leaves out what is all tied", async () => {
    const [row] = await rowsOf("nectar.parquet");
    const answers = ((row as Fields)["answers"] as Fields[]).map((answer) => ({ ...answer, rank: 2 }));
    expect(adapt({ ...row, answers })).toEqual({ omitted: "all tied" });
  });

  it("names the field that does not fit", async () => {
    const [row] = await rowsOf("nectar.parquet");
    const answers = (row as Fields)["answers"] as Fields[];
    for (const [change, field] of [
      [{ prompt: 5 }, "prompt"],
      [{ prompt: "Name a river." }, "prompt"],
      [{ prompt: "\n\nAssistant: Hello\n\nHuman: a" }, "prompt"],
      [{ prompt: "\n\nHuman: a\n\nAssistant: Sure," }, "prompt"],
      [{ answers: answers.slice(0, 1) }, "answers"],
      [{ answers: null }, "answers"],
      [{ answers: [answers[0], "text"] }, "answers[1]"],
      [{ answers: [answers[0], { ...answers[1], answer: null }] }, "answers[1].answer"],
      [{ answers: [answers[0], { ...answers[1], rank: "2" }] }, "answers[1].rank"],
      [{ answers: [answers[0], { ...answers[1], rank: Number.NaN }] }, "answers[1].rank"],
    ] as const)
      expect(fieldOfError(adapt, { ...row, ...change })).toBe(field);
  });
});

describe("rewardbench", () => {
  const { adapt } = benchmarks.rewardbench;

  it("keeps subset and id", async () => {
    const [first] = outcomes(await rowsOf("rewardbench.parquet"), adapt);
    expect(first).toEqual({
      case: {
        responses: [
          {
            item: { prompt: "Question 0 of alpacaeval-easy?", response: "A good answer 0." },
            grade: 1,
            label: "chosen",
          },
          {
            item: { prompt: "Question 0 of alpacaeval-easy?", response: "A bad answer 0." },
            grade: 0,
            label: "rejected",
          },
        ],
        comparisons: [{ better: 0, worse: 1 }],
        subset: "alpacaeval-easy",
        id: "30",
      },
    });
  });

  it("takes prompts that are messages, and texts that only look like a list", () => {
    const more = { chosen: "c", rejected: "r", subset: "s" };
    const prompt = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
      { role: "user", content: "c" },
    ];
    for (const value of [prompt, JSON.stringify(prompt)])
      expect(caseOf(adapt({ prompt: value, ...more })).responses[0]?.item).toEqual({
        messages: [...prompt, { role: "assistant", content: "c" }],
      });
    for (const text of ["[1, 2]", "[]", "[x"])
      expect(caseOf(adapt({ prompt: text, ...more })).responses[0]?.item).toMatchObject({ prompt: text });
  });

  it("names the field that does not fit", async () => {
    const [row] = await rowsOf("rewardbench.parquet");
    for (const name of ["prompt", "chosen", "rejected", "subset"])
      for (const value of [undefined, null, 1]) expect(fieldOfError(adapt, { ...row, [name]: value })).toBe(name);
    expect(fieldOfError(adapt, { ...row, prompt: [{ role: "user" }] })).toBe("prompt[0].content");
    expect(fieldOfError(adapt, { ...row, prompt: [] })).toBe("prompt");
  });
});

describe("rewardbench2", () => {
  const { adapt } = benchmarks.rewardbench2;

  it("has the correct responses first, and compares each with each wrong one", async () => {
    const [first, , ref, tied] = outcomes(await rowsOf("rewardbench2.parquet"), adapt).map(caseOf);
    expect(first).toMatchObject({ subset: "Factuality", id: "0" });
    expect(first?.responses.map(({ grade, label }) => [grade, label])).toEqual([
      [1, "model-0"],
      [0, "model-1"],
      [0, "model-2"],
      [0, "model-3"],
    ]);
    expect(first?.comparisons).toEqual([1, 2, 3].map((worse) => ({ better: 0, worse })));
    expect([ref?.id, tied?.id, tied?.subset]).toEqual(["ref:7", "tied:7", "Ties"]);
    expect(tied?.comparisons.length).toBe(9);
  });

  it("names the field that does not fit", async () => {
    const rows = await rowsOf("rewardbench2.parquet");
    for (const [change, field] of [
      [{ prompt: null }, "prompt"],
      [{ chosen: [] }, "chosen"],
      [{ chosen: "Right." }, "chosen"],
      [{ rejected: ["a", null] }, "rejected[1]"],
      [{ rejected: [] }, "rejected"],
      [{ num_correct: 2 }, "num_correct"],
      [{ subset: undefined }, "subset"],
      [{ id: 7 }, "id"],
    ] as const)
      expect(fieldOfError(adapt, { ...rows[0], ...change })).toBe(field);
    expect(fieldOfError(adapt, { ...rows[3], id: "7" })).toBe("id");
  });
});

describe("pairs", () => {
  const { adapt } = benchmarks.pairs;
  const [asked, answered] = [
    { role: "user", content: "q" },
    { role: "assistant", content: "c" },
  ];
  const refused = { role: "assistant", content: "r" };
  const system = { role: "system", content: "s" };
  const whole = { messages: [asked, answered] };
  const plain = { prompt: "q", response: "c" };

  it.each([
    ["texts", { prompt: "q", chosen: "c", rejected: "r" }, plain],
    [
      "further fields, and messages that repeat the chosen ones",
      { prompt: "q", chosen: "c", rejected: "r", messages: 5, score_chosen: 9 },
      plain,
    ],
    ["a prompt of messages", { prompt: [asked], chosen: "c", rejected: "r" }, plain],
    ["messages as the prompt", { messages: [asked], chosen: "c", rejected: "r" }, plain],
    ["whole conversations", { chosen: [asked, answered], rejected: [asked, refused] }, whole],
    [
      "whole conversations beside the prompt as text",
      { prompt: "q", chosen: [asked, answered], rejected: [asked, refused] },
      whole,
    ],
    [
      "whole conversations beside the prompt as messages",
      { prompt: [asked], chosen: [asked, answered], rejected: [asked, refused] },
      whole,
    ],
    ["the turns that follow", { prompt: [asked], chosen: [answered], rejected: [refused] }, whole],
    ["the turns that follow a text", { prompt: "q", chosen: [answered], rejected: [refused] }, whole],
    [
      "a system turn",
      { prompt: [system, asked], chosen: [answered], rejected: [refused] },
      { messages: [system, asked, answered] },
    ],
    ["lists in CSV", { chosen: JSON.stringify([asked, answered]), rejected: JSON.stringify([asked, refused]) }, whole],
    ["responses with ranks", { prompt: "q", responses: ["c", "r"], ranks: [1, 2] }, plain],
    ["responses with grades", { prompt: "q", responses: ["c", "r"], grades: [0.5, -3] }, plain],
    ["responses to messages", { messages: [asked], responses: ["c", "r"], ranks: [1, 2] }, plain],
  ])("reads %s", (_, row, item) => {
    const found = caseOf(adapt(row));
    expect(found.responses[0]?.item).toEqual(item);
    expect(found.comparisons).toEqual([{ better: 0, worse: 1 }]);
    for (const { item: any } of found.responses) expect(checkItem(any, "item")).toEqual(any);
  });

  it("takes equal ranks for ties, and null for what nothing is known of", () => {
    const row = { prompt: "q", responses: ["a", "b", "c", "d"], ranks: [2, 1, 2, null], id: 5, subset: "mine" };
    expect(caseOf(adapt(row))).toMatchObject({
      id: "5",
      subset: "mine",
      responses: [{ grade: -2 }, { grade: -1 }, { grade: -2 }, { grade: undefined }],
      comparisons: [
        { better: 1, worse: 0 },
        { better: 1, worse: 2 },
      ],
    });
  });

  it("leaves out what nothing can be learnt from, and says why", () => {
    expect(adapt({ prompt: "q", chosen: "c", rejected: "c" })).toEqual({ omitted: "same text" });
    expect(adapt({ chosen: [asked, answered], rejected: [asked, answered] })).toEqual({ omitted: "same text" });
    expect(adapt({ prompt: "q", responses: ["c", "c"], ranks: [1, 2] })).toEqual({ omitted: "same text" });
    expect(adapt({ prompt: "q", responses: ["c", "r"], ranks: [1, 1] })).toEqual({ omitted: "all tied" });
    expect(adapt({ prompt: "q", responses: ["c", "r"], ranks: [1, null] })).toEqual({
      omitted: "fewer than two ranked",
    });
    const some = adapt({ prompt: "q", responses: ["c", "c", "r"], ranks: [1, 2, 3] });
    expect(caseOf(some).comparisons).toEqual([
      { better: 0, worse: 2 },
      { better: 1, worse: 2 },
    ]);
  });

  it.each([
    [null, "the row"],
    [[], "the row"],
    [{}, "the row"],
    [{ prompt: "q" }, "the row"],
    [{ prompt: "q", chosen: "c", rejected: "r", responses: ["c"] }, "the row"],
    [{ prompt: "q", chosen: "c" }, "rejected"],
    [{ chosen: "c", rejected: "r" }, "prompt"],
    [{ prompt: 5, chosen: "c", rejected: "r" }, "prompt"],
    [{ prompt: "q", chosen: 5, rejected: "r" }, "chosen"],
    [{ prompt: "q", chosen: "c", rejected: [] }, "rejected"],
    [{ chosen: [asked], rejected: [asked, refused] }, "chosen[0].role"],
    [{ prompt: [asked], chosen: [{ role: "user", content: "other" }, answered], rejected: [refused] }, "chosen"],
    [{ responses: ["a", "b"], ranks: [1, 2] }, "prompt"],
    [{ prompt: "q", responses: "ab", ranks: [1, 2] }, "responses"],
    [{ prompt: "q", responses: ["a"], ranks: [1] }, "responses"],
    [{ prompt: "q", responses: ["a", 2], ranks: [1, 2] }, "responses[1]"],
    [{ prompt: "q", responses: ["a", "b"] }, "ranks"],
    [{ prompt: "q", responses: ["a", "b"], ranks: [1] }, "ranks"],
    [{ prompt: "q", responses: ["a", "b"], ranks: [1, "2"] }, "ranks[1]"],
    [{ prompt: "q", responses: ["a", "b"], ranks: [1, 2], grades: [1, 2] }, "grades"],
  ])("refuses %j, naming %s", (row, field) => {
    expect(fieldOfError(adapt, row)).toBe(field);
  });
});

describe("rmbench", () => {
  const { adapt } = benchmarks.rmbench;

  it("compares each right answer with each wrong one, in all styles", async () => {
    const found = outcomes(await rowsOf("rmbench.json"), adapt).map(caseOf);
    expect(found.map(({ subset } = { responses: [], comparisons: [] }) => subset)).toEqual([
      ...["chat", "math", "code", "safety-refuse", "safety-response", "chat"],
    ]);
    expect(found[0]?.responses.map(({ grade }) => grade)).toEqual([1, 1, 1, 0, 0, 0]);
    expect(found[0]?.responses.map(({ label }) => label)[5]).toBe("rejected, detailed with markdown");
    expect(found[0]?.comparisons).toHaveLength(9);
  });

  it("takes the domain from the file's name, where the repository has a file for each", async () => {
    const [{ domain, ...row }] = (await rowsOf("rmbench.json")) as [Record<string, unknown>];
    const subsetIn = (sourceName: string, more = {}) => {
      const adapted = adapt({ ...row, ...more }, { sourceName });
      return "case" in adapted ? adapted.case.subset : undefined;
    };
    expect(subsetIn("data/safety-refuse_filtered.json")).toBe("safety-refuse");
    expect(subsetIn("math_filtered.json.gz")).toBe("math");
    expect(subsetIn("data/math_filtered.json", { domain })).toBe("chat");
    expect(() => subsetIn("data/chat.json")).toThrow(/domain is missing.*chat_filtered\.json/);
  });

  it("names the field that does not fit", async () => {
    const [row] = (await rowsOf("rmbench.json")) as [Record<string, unknown>];
    for (const [change, field] of [
      [{ chosen: ["a", "b"] }, "chosen"],
      [{ rejected: "abc" }, "rejected"],
      [{ domain: undefined }, "domain"],
      [{ chosen: ["a", "b", 3] }, "chosen[2]"],
    ] as const)
      expect(fieldOfError(adapt, { ...row, ...change })).toBe(field);
  });
});

describe("ppe", () => {
  const { adapt } = benchmarks.ppe;

  it("takes the pairs that the data set drew, repeated ones too, and what people preferred", async () => {
    const rows = await rowsOf("ppe.jsonl");
    const results = outcomes(rows, adapt);
    expect(
      results.map((result) => ("case" in result ? result.case.subset : "omitted" in result && result.omitted)),
    ).toEqual([...["math", "mmlu_pro", "ifeval", "all right", "human", "human", "tie", "human", "human"]]);
    const [math, , , , human] = results.map((result) => ("case" in result ? result.case : undefined));
    expect(math?.responses.map(({ grade }) => grade)).toEqual([1, 0, 1, 0]);
    expect(math?.comparisons).toEqual([
      { better: 0, worse: 1 },
      { better: 2, worse: 3 },
      { better: 0, worse: 1 },
    ]);
    expect(human?.responses.map(({ model, grade }) => [model, grade])).toEqual([
      ["gpt-4o", 1],
      ["llama-3-8b", 0],
    ]);
    const named = { sourceName: "hf:lmarena-ai/PPE-GPQA-Best-of-K@2f85cea/data/train-00000-of-00001.parquet" };
    expect(adapt(rows[0], named)).toMatchObject({ case: { subset: "gpqa" } });
  });

  it("compares all right with all wrong ones where no pairs were drawn", async () => {
    const { sampled_conflict_pairs: _, ...row } = (await rowsOf("ppe.jsonl"))[0] as Record<string, unknown>;
    expect(adapt(row)).toMatchObject({ case: { comparisons: { length: 4 } } });
  });

  it("names the field that does not fit", async () => {
    const rows = (await rowsOf("ppe.jsonl")) as Record<string, unknown>[];
    for (const [row, change, field] of [
      [0, { scores: [true] }, "scores"],
      [0, { scores: [true, "no", true, false] }, "scores[1]"],
      [0, { sampled_conflict_pairs: [[0, 4]] }, "sampled_conflict_pairs[0]"],
      [0, { sampled_conflict_pairs: [[0, 2]] }, "sampled_conflict_pairs[0]"],
      [0, { sampled_conflict_pairs: [[0]] }, "sampled_conflict_pairs[0]"],
      [0, { sampled_conflict_pairs: [] }, "sampled_conflict_pairs"],
      [4, { winner: "me" }, "winner"],
      [4, { model_a: undefined }, "model_a"],
      [4, { response_3: "third" }, "response_3"],
      [4, { winner: undefined }, "the row"],
      [4, { response_2: undefined }, "the row"],
    ] as const)
      expect(fieldOfError(adapt, { ...rows[row], ...change })).toBe(field);
  });
});

describe("every benchmark", () => {
  it.each(benchmarkNames)("%s has a name, words for people and a pinned source", (name) => {
    const { name: own, title, description, source, card } = benchmarks[name];
    expect(own).toBe(name);
    expect(title).not.toBe("");
    expect(description).toMatch(/^[A-Z].*\.$/);
    // RM-Bench has a file in its repository, but no commit of it is known here.
    expect(source === undefined).toBe(name === "pairs" || name === "rmbench");
    if (source === undefined) return;
    expect(source.repository).toMatch(/^[\w-]+\/[\w-]+$/);
    expect(source.revision).toMatch(/^[0-9a-f]{40}$/);
    expect(source.files.length).toBeGreaterThan(0);
    expect(Object.values(card ?? { none: 0.5 }).every((accuracy) => accuracy > 0.5 || card === undefined)).toBe(true);
  });

  it("gives items that the library takes, and comparisons of responses that are there", async () => {
    for (const [name, file] of Object.entries(datasets) as [keyof typeof datasets, string][])
      for (const result of outcomes(await rowsOf(file), benchmarks[name].adapt)) {
        if (!("case" in result)) continue;
        const { responses, comparisons } = result.case;
        for (const { item } of responses) expect(checkItem(item, "item")).toEqual(item);
        expect(comparisons.length).toBeGreaterThan(0);
        for (const { better, worse } of comparisons)
          expect(responses[better]?.grade).toBeGreaterThan(responses[worse]?.grade as number);
      }
  });

  it.each(benchmarkNames)("%s refuses what is no row", (name) => {
    for (const row of [undefined, null, 5, "text", [1], new Date()])
      expect(fieldOfError(benchmarks[name].adapt, row)).toBeDefined();
  });
});

it("names the fields of a row that has none of the expected ones, as of CSV with another separator", () => {
  expect(() => benchmarks.pairs.adapt({ "prompt;chosen;rejected": "a;b;c" })).toThrow(
    /but it has only "prompt;chosen;rejected"\.$/,
  );
  expect(() => benchmarks.pairs.adapt({})).toThrow(/but it has no fields\.$/);
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}${"x".repeat(200)}`, 1]));
  expect(() => benchmarks.pairs.adapt(many)).toThrow(/^.{0,600}and others\.$/);
});
