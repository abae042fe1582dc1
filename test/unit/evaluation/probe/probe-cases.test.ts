/** Probes with a model that scores by a rule, so that every number of the report can be worked out by hand. */
import { expect, it } from "vitest";
import { InvalidInputError } from "../../../../src/errors.ts";
import type { PlacedCase } from "../../../../src/evaluation/case.ts";
import type { OpenBenchmark } from "../../../../src/evaluation/open-benchmark.ts";
import { probeCases } from "../../../../src/evaluation/probe/probe.ts";
import type { ProbedText, ProbeReport } from "../../../../src/evaluation/probe/report.ts";
import { transformations } from "../../../../src/evaluation/probe/transformations/transformations.ts";
import { ScoreCache, type ScoreSettings } from "../../../../src/evaluation/score-cache.ts";
import type { CheckedItem, ScoreItem, ScoreOutcome } from "../../../../src/index.ts";

/** A point for each word, three for each exclamation mark, and half a point for a final space. More than 40 words are cut. */
function scoreOf(item: ScoreItem): number {
  const response = "messages" in item ? String(item.messages.at(-1)) : ((item as { response?: string }).response ?? "");
  const text = "messages" in item ? ((item.messages.at(-1) as { content: string }).content ?? "") : response;
  return wordsOf(text) + 3 * (text.split("!").length - 1) + (text.endsWith(" ") ? 0.5 : 0);
}

const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== "").length;

const model = {
  info: { direction: "higher" as const },
  async *scoreEach(items: Iterable<ScoreItem> | AsyncIterable<ScoreItem>): AsyncGenerator<ScoreOutcome> {
    let index = 0;
    for await (const item of items) {
      const text = JSON.stringify(item);
      const at = index++;
      if (text.includes("unscorable"))
        yield { index: at, error: new InvalidInputError("ERR_INVALID_ITEM", "It fails.") };
      else yield { index: at, score: scoreOf(item), tokenCount: 5, truncated: wordsOf(text) > 40, scorePosition: 4 };
    }
  },
};

function pair(row: number, prompt: string, chosen: string, rejected: string): PlacedCase {
  const responses = [chosen, rejected].map((response, i) => ({ item: { prompt, response }, grade: 1 - i }));
  return { source: 0, row, responses, comparisons: [{ better: 0, worse: 1 }] };
}

function single(row: number, item: CheckedItem): PlacedCase {
  return { source: 0, row, responses: [{ item, grade: undefined }], comparisons: [] };
}

async function probed(
  cases: readonly PlacedCase[],
  probes: readonly string[],
  { seed = 0, direction = "higher" as "higher" | "lower" } = {},
) {
  const failures: number[] = [];
  const benchmark = {
    name: "pairs",
    sources: [],
    limit: undefined,
    problems: [],
    counts: () => ({
      read: cases.length,
      omitted: {},
      broken: 0,
      cases: cases.length,
      sampled: cases.length,
      failed: 0,
    }),
    addFailure: ({ row }: PlacedCase) => failures.push(row),
  } as unknown as OpenBenchmark;
  const texts: ProbedText[] = [];
  const cache = ScoreCache.open(undefined, {} as ScoreSettings);
  const chosen = transformations.filter(({ name }) => probes.includes(name));
  const loaded = { model: { ...model, info: { direction } }, cache, reported: {}, settings: {} };
  const report = await probeCases({ benchmark, cases, chosen, seed }, loaded as never, {
    onText: (text) => void texts.push(text),
  });
  return { report, texts, failures, of: (name: string) => measuresOf(report, name) };
}

function measuresOf({ probes }: ProbeReport, name: string) {
  const found = probes.find(({ probe }) => probe === name);
  if (found === undefined) throw new Error(`${name} is missing`);
  return found;
}

it("measures shifts in units of the score and of its standard deviation", async () => {
  // Scores 3, 1; 2, 5: mean 2.75, squares around it 0.0625 + 3.0625 + 0.5625 + 5.0625 = 8.75.
  const cases = [pair(1, "p", "a b c", "d"), pair(2, "q", "e f", "g h i j k")];
  const { report, of, texts } = await probed(cases, ["repeat", "trailing-space"]);
  expect(report.scores).toMatchObject({ count: 4, mean: 2.75 });
  const deviation = Math.sqrt(8.75 / 3);
  expect(report.scores.standardDeviation).toBeCloseTo(deviation, 12);
  // Around 2 and 3.5: 1 + 1 + 2.25 + 2.25, with two prompts less than scores.
  expect(report.scores.withinPrompts).toBeCloseTo(Math.sqrt(6.5 / 2), 12);
  expect(report.prompts).toBe(2);
  expect(report.accuracy).toMatchObject({ cases: 2, comparisons: 2, accuracy: 0.5 });
  // Twice the words: each shift is the score. 3, 1, 2, 5.
  const repeat = of("repeat");
  expect(repeat).toMatchObject({ expected: "stay", responses: 4, measured: 4, prompts: 2, skipped: {}, truncated: 0 });
  expect(repeat.shift).toMatchObject({ mean: 2.75, median: 2.5 });
  expect(repeat.standardized?.mean).toBeCloseTo(2.75 / deviation, 12);
  // Prompts' means 2 and 3.5: Student's quantile for one degree times half their distance.
  expect(repeat.shift?.interval?.high).toBeCloseTo(2.75 + 12.706204736 * 0.75, 6);
  expect(repeat.shift?.medianInterval).toBeUndefined();
  expect([repeat.up?.count, repeat.down?.count, repeat.same?.count]).toEqual([4, 0, 0]);
  // All shifts are equal: there is no telling how much they vary.
  const space = of("trailing-space");
  expect(space.shift).toEqual({ mean: 0.5, median: 0.5 });
  expect(texts).toHaveLength(12);
  expect(texts.slice(0, 3)).toEqual([
    {
      source: 0,
      row: 1,
      responseIndex: 0,
      probe: "original",
      score: 3,
      tokenCount: 5,
      truncated: false,
      item: cases[0]?.responses[0]?.item,
    },
    {
      source: 0,
      row: 1,
      responseIndex: 0,
      probe: "repeat",
      score: 6,
      shift: 3,
      tokenCount: 5,
      truncated: false,
      item: { prompt: "p", response: "a b c\n\na b c" },
    },
    {
      source: 0,
      row: 1,
      responseIndex: 0,
      probe: "trailing-space",
      score: 3.5,
      shift: 0.5,
      tokenCount: 5,
      truncated: false,
      item: { prompt: "p", response: "a b c " },
    },
  ]);
});

it("counts pairs that flip, by which of the two is changed", async () => {
  const cases = [
    pair(1, "p", "a b c", "d e"), // 3 : 2. Rejected twice: 3 : 4, wrong. Chosen, both: right.
    pair(2, "q", "a b c d e", "f"), // 5 : 1. Right in each way: 5 : 2.
    pair(3, "r", "a b", "c d e"), // 2 : 3. Chosen twice: 4 : 3, right. Otherwise wrong.
    pair(4, "s", "a b", "c"), // 2 : 1. Rejected twice: 2 : 2, a tie is wrong.
  ];
  const { of } = await probed(cases, ["repeat"]);
  const { rejected, chosen, both } = of("repeat").pairs ?? {};
  expect(rejected).toMatchObject({
    pairs: 4,
    rightBefore: 3,
    rightAfter: 1,
    toWrong: 2,
    toRight: 0,
    flipped: { count: 2, share: 0.5 },
  });
  expect(rejected?.flipped?.interval?.method).toBe("wilson");
  expect(chosen).toMatchObject({
    pairs: 4,
    rightBefore: 3,
    rightAfter: 4,
    toWrong: 0,
    toRight: 1,
    flipped: { count: 1 },
  });
  expect(both).toMatchObject({ pairs: 4, rightBefore: 3, rightAfter: 3, flipped: { count: 0, share: 0 } });
  expect(both?.flipped?.interval?.high).toBeGreaterThan(0.3);
});

it("ranks of several responses are pairs, and prompts are the unit", async () => {
  const responses = ["a b c d", "e f g", "h"].map((response, i) => ({ item: { prompt: "p", response }, grade: -i }));
  const comparisons = [
    { better: 0, worse: 1 },
    { better: 0, worse: 2 },
    { better: 1, worse: 2 },
  ];
  const { of } = await probed([{ source: 0, row: 1, responses, comparisons }, pair(2, "q", "x y", "z")], ["repeat"]);
  // 4:6 and 2:2 flip; 4:2, 3:2 do not.
  const rejected = of("repeat").pairs?.rejected;
  expect(rejected).toMatchObject({ pairs: 4, flipped: { count: 2, share: 0.5 } });
  expect(rejected?.flipped?.interval?.method).toBe("clustered-wilson");
});

it("what does not apply, is truncated or cannot be scored is counted and not measured", async () => {
  const long = "w ".repeat(38).trim();
  const cases = [
    pair(1, "p", "Fine work here.", "Bad."),
    pair(2, "q", "", "Empty is the other."), // no empty response is changed
    pair(3, "r", long, "short one"), // repeated it is too long
    pair(4, "s", "this is unscorable", "well then"),
    pair(5, "t", "ok then", `${long} x y z too long already`),
    single(6, { text: "raw text" }),
    single(7, { prompt: "u", response: "Это не по-английски." }),
  ];
  const { of, texts, failures, report } = await probed(cases, ["repeat", "flattery"]);
  expect(of("repeat")).toMatchObject({
    responses: 12,
    measured: 7,
    failed: 1,
    truncated: 2,
    skipped: {
      "the response is empty": 1,
      "the row is a text: where its response begins is not known": 1,
    },
  });
  expect(of("flattery").skipped).toMatchObject({
    "the response is not in Latin letters, and the added text is English": 1,
  });
  // Pairs with such a side are left out: of the rejected 1 and 2; row 3's original is whole, so its rejected one can be changed.
  expect(of("repeat").pairs?.rejected.pairs).toBe(3);
  expect(of("repeat").pairs?.chosen.pairs).toBe(1);
  expect(failures).toEqual([4]);
  expect(texts.filter(({ error }) => error !== undefined).map(({ row, probe }) => [row, probe])).toEqual([
    [4, "original"],
    [4, "repeat"],
    [4, "flattery"],
  ]);
  expect(report.scores.count).toBe(11);
});

it("swaps in a response to another prompt, never one that the row has itself", async () => {
  const cases = [
    pair(1, "p", "Yes.", "No."),
    pair(2, "q", "Yes.", "Blue is a colour."),
    pair(3, "r", "Yes.", "No."),
    single(4, {
      messages: [
        { role: "user", content: "s" },
        { role: "assistant", content: "One" },
        { role: "user", content: "?" },
        { role: "assistant", content: "Two" },
      ],
    }),
  ];
  const { of, texts } = await probed(cases, ["swap"]);
  expect(of("swap")).toMatchObject({ expected: "fall", responses: 7, measured: 7 });
  const own = new Map(cases.map(({ row, responses }) => [row, JSON.stringify(responses)]));
  for (const { row, probe, item } of texts) {
    if (probe !== "swap") continue;
    const response = "messages" in item ? item.messages.at(-1)?.content : (item as { response: string }).response;
    expect(own.get(row)).not.toContain(JSON.stringify(response));
  }
  const [only] = await Promise.all([probed([pair(1, "p", "Yes.", "No.")], ["swap"])]);
  expect(only?.of("swap")).toMatchObject({
    measured: 0,
    skipped: { "needs another prompt in the data, with another response": 2 },
  });
  expect(only?.of("swap").shift).toBeUndefined();
});

it("turns the scores of models whose lower scores are better", async () => {
  const { of, texts } = await probed([single(1, { prompt: "p", response: "a b" })], ["repeat"], { direction: "lower" });
  expect(texts.map(({ score }) => score)).toEqual([-2, -4]);
  expect(of("repeat")).toMatchObject({ shift: { mean: -2 }, down: { count: 1 } });
  expect(of("repeat").pairs).toBeUndefined();
});

it("changes the names of a pair alike", async () => {
  const { texts } = await probed([pair(1, "What has Alice?", "Alice has a dog.", "A cat.")], ["names"]);
  const prompts = texts.filter(({ probe }) => probe === "names").map(({ item }) => (item as { prompt: string }).prompt);
  expect(prompts).toHaveLength(2);
  expect(new Set(prompts).size).toBe(1);
  expect(prompts[0]).not.toContain("Alice");
});

it("gives the same texts for the same seed, in whatever order the rows are", async () => {
  const cases = [1, 2, 3, 4, 5, 6].map((row) =>
    pair(row, `prompt ${row}`, `Answer ${row}. It is long.`, `Other ${row}.`),
  );
  const all = transformations.map(({ name }) => name);
  const linesOf = async (list: readonly PlacedCase[], seed: number) =>
    (await probed(list, all, { seed })).texts.map((text) => JSON.stringify(text)).sort();
  const first = await linesOf(cases, 7);
  expect(await linesOf([...cases].reverse(), 7)).toEqual(first);
  expect(await linesOf(cases, 8)).not.toEqual(first);
});

it("looks once at a row with many responses", async () => {
  const responses = Array.from({ length: 1000 }, (_, i) => ({
    item: { prompt: "What has Alice?", response: `Alice has ${i} dogs. They bark at night.` },
    grade: undefined,
  }));
  const before = process.cpuUsage();
  const { of } = await probed([{ source: 0, row: 1, responses, comparisons: [] }], ["names", "swap", "list"]);
  expect(of("names").measured).toBe(1000);
  // In time that grows with their square this takes minutes.
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(15);
});

it("tells the cases of one row apart", async () => {
  const cases = [pair(1, "p", "a b", "c"), pair(1, "q", "d e", "f"), pair(2, "r", "g h", "i")];
  const { texts } = await probed(cases, ["repeat"]);
  expect(texts.filter(({ probe }) => probe === "original").map(({ row, caseIndex }) => [row, caseIndex])).toEqual([
    ...[
      [1, 0],
      [1, 0],
      [1, 1],
      [1, 1],
    ],
    ...[
      [2, undefined],
      [2, undefined],
    ],
  ]);
});
