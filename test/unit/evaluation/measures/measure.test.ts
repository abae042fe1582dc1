import { describe, expect, it } from "vitest";
import { benchmarkNames, type ScoredCase } from "../../../../src/evaluation/case.ts";
import { RunningAccuracy } from "../../../../src/evaluation/measures/accuracy.ts";
import {
  clusteredInterval,
  differ,
  type Interval,
  intervalOfMean,
  pairedInterval,
  wilsonInterval,
} from "../../../../src/evaluation/measures/interval.ts";
import { measureBenchmark } from "../../../../src/evaluation/measures/measure.ts";
import { intervalOfParts } from "../../../../src/evaluation/measures/weighted-mean.ts";
import { normal, scoredCase, seededRandom } from "./support.ts";

describe("by hand", () => {
  it("averages the parts of a case's comparisons that came out right", () => {
    const cases = [
      scoredCase({ scores: [3, 1, 2], grades: [2, 1, 0] }),
      scoredCase({ scores: [0, 1], grades: [1, 0] }),
    ];
    const measures = measureBenchmark("pairs", cases);
    expect(measures).toMatchObject({ cases: 2, comparisons: 4, pairAccuracy: 0.5, scoreTies: 0 });
    expect(measures.accuracy).toBeCloseTo((2 / 3 + 0) / 2, 12);
    expect(measures.interval?.method).toBe("clustered-wilson");
  });

  it("counts equal scores as wrong, unless equality is allowed", () => {
    const equal = { scores: [1, 1] };
    const strict = measureBenchmark("human", [scoredCase(equal)]);
    expect(strict).toMatchObject({ accuracy: 0, scoreTies: 1 });
    const allowed = scoredCase({ ...equal, comparisons: [{ better: 0, worse: 1, orEqual: true }] });
    expect(measureBenchmark("truth", [allowed])).toMatchObject({ accuracy: 1, scoreTies: 1 });
  });

  it("ranks: the best of three is found, two of three pairs agree", () => {
    const cases = [scoredCase({ scores: [5, 1, 2], grades: [2, 1, 0] })];
    const { ranking } = measureBenchmark("nectar", cases);
    expect(ranking).toMatchObject({ cases: 1, top1: 1, kendallUndefined: 0 });
    expect(ranking?.top1AtRandom).toBeCloseTo(1 / 3, 12);
    expect(ranking?.kendall).toBeCloseTo(1 / 3, 12);
    expect(ranking?.negativeLogLikelihoodAtRandom).toBeCloseTo(Math.log(6), 12);
    const [a, b, c] = [Math.exp(5), Math.exp(1), Math.exp(2)];
    expect(ranking?.negativeLogLikelihood).toBeCloseTo(-Math.log((a / (a + b + c)) * (b / (b + c))), 12);
  });

  it("says nothing of rankings where there are only pairs", () => {
    expect(measureBenchmark("nectar", [scoredCase({ scores: [1, 0] })]).ranking).toBeUndefined();
    const three = scoredCase({ scores: [3, 2, 1], grades: [2, 1, 0] });
    expect(measureBenchmark("truth", [three]).ranking).toBeUndefined();
  });

  it("puts zero margins apart, and zero between two bins", () => {
    const cases = [-1.9, -0.1, 0, 0.1, 2].map((score) => scoredCase({ scores: [score, 0] }));
    const { histogram } = measureBenchmark("human", cases).margins ?? {};
    expect(histogram).toMatchObject({ width: 0.2, zero: 1 });
    expect(histogram?.counts.reduce((a, b) => a + b)).toBe(4);
    expect((histogram?.start as number) / 0.2).toBeCloseTo(-10, 12);
    expect(histogram?.counts[0]).toBe(1);
    expect(histogram?.counts.slice(9, 11)).toEqual([1, 1]);
    expect(histogram?.counts.at(-1)).toBe(1);
  });

  it("finds the temperature that margins were multiplied by", () => {
    const random = seededRandom(4);
    const cases = Array.from({ length: 20_000 }, () => {
      const margin = 2 * normal(random);
      const better = random() < 1 / (1 + Math.exp(-margin)) ? margin : -margin;
      return scoredCase({ scores: [3 * better, 0] });
    });
    const { calibration } = measureBenchmark("human", cases);
    // The standard error at this count is 0.04.
    expect(Math.abs((calibration?.temperature as number) - 3)).toBeLessThan(0.15);
    expect(calibration?.logLossAtTemperature).toBeLessThan(calibration?.logLoss as number);
  });
});

describe("a model that scores", () => {
  it("at random has 0.5 within its interval, and no lean", () => {
    const random = seededRandom(11);
    for (const size of [2, 5]) {
      const cases = Array.from({ length: 1000 }, (_, row) =>
        scoredCase({
          row,
          scores: Array.from({ length: size }, random),
          grades: Array.from({ length: size }, (_, i) => -i),
          lengths: Array.from({ length: size }, () => Math.floor(1000 * random())),
        }),
      );
      const measures = measureBenchmark("nectar", cases);
      expect(measures.interval?.low).toBeLessThan(0.5);
      expect(measures.interval?.high).toBeGreaterThan(0.5);
      expect(measures.length?.verdict).toMatchObject({ kind: "none", biased: false });
      expect(Math.abs(measures.length?.withinPrompts.spearman ?? 1)).toBeLessThan(0.1);
    }
  });

  it.each([
    [1, "only-longer"],
    [-1, "only-shorter"],
  ])("by %d × length alone is exposed, however accurate that makes it", (sign, kind) => {
    const random = seededRandom(5);
    const cases = Array.from({ length: 400 }, (_, row) => {
      const [short, long] = [50 + Math.floor(random() * 100), 200 + Math.floor(random() * 100)];
      // The longer response is the better one three times in four.
      const lengths = random() < 0.75 ? [long, short] : [short, long];
      return scoredCase({ row, lengths, scores: lengths.map((length) => (sign * length) / 100) });
    });
    const { length, accuracy } = measureBenchmark("human", cases);
    expect(length?.verdict).toMatchObject({ kind, biased: true });
    expect(length?.verdict.sentence).toContain("follow almost nothing but length");
    expect(length?.gap).toBe(sign);
    expect(length?.withinPrompts.spearman).toBeCloseTo(sign, 12);
    expect(length?.accuracyOfLonger).toBeCloseTo(sign > 0 ? (accuracy as number) : 1 - (accuracy as number), 12);
  });

  it("rightly is not accused where nearly all better responses are longer", () => {
    const cases = Array.from({ length: 300 }, (_, row) =>
      scoredCase({ row, scores: [1, 0], lengths: row % 10 === 0 ? [5, 50] : [50, 5] }),
    );
    const { length } = measureBenchmark("human", cases);
    expect(length?.verdict.kind).toBe("none");
    const oneSided = cases.map((scored) => ({ ...scored, lengths: [50, 5] }));
    const { length: unknown } = measureBenchmark("human", oneSided);
    expect(unknown?.verdict).toMatchObject({ kind: "unknown", biased: false });
    expect(unknown?.gap).toBeUndefined();
  });

  it("with some weight on length leans", () => {
    const random = seededRandom(8);
    const cases = Array.from({ length: 800 }, (_, row) => {
      const lengths = [100 + 400 * random(), 100 + 400 * random()].map(Math.floor);
      const scores = lengths.map((length, i) => normal(random) - i + length / 400);
      return scoredCase({ row, lengths, scores });
    });
    expect(measureBenchmark("human", cases).length?.verdict).toMatchObject({
      kind: "longer",
      biased: true,
    });
  });
});

describe("at the edges", () => {
  it.each(benchmarkNames)("%s without cases has no numbers", (name) => {
    const measures = measureBenchmark(name, []);
    expect(measures).toEqual({ cases: 0, prompts: 0, comparisons: 0, scoreTies: 0 });
  });

  it.each(benchmarkNames)("%s with one case has finite numbers only", (name) => {
    for (const scores of [
      [0, 0],
      [1e308, -1e308],
      [-1e308, 1e308],
      [5e-324, 0],
      [-0, 0],
    ]) {
      const measures = measureBenchmark(name, [scoredCase({ scores, subset: "Ties", id: "ref:1" })]);
      expect(JSON.parse(JSON.stringify(measures))).toEqual(measures);
      expectFinite(measures);
    }
  });

  it("refuses a case that contradicts itself", () => {
    const good = scoredCase({ scores: [1, 0], row: 7 });
    const bad: [Partial<ScoredCase>, string][] = [
      [{ scores: [1, Number.NaN] }, "scores"],
      [{ scores: [1, Number.POSITIVE_INFINITY] }, "scores"],
      [{ lengths: [1] }, "lengths"],
      [{ grades: [1, 0, 0] }, "grades"],
      [{ comparisons: [{ better: 0, worse: 2 }] }, "comparisons"],
      [{ comparisons: [{ better: -1, worse: 0 }] }, "comparisons"],
      [{ comparisons: [] }, "comparisons"],
    ];
    for (const [change, field] of bad) {
      expect(() => measureBenchmark("human", [good, { ...good, ...change }])).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_ARGUMENT", field, message: expect.stringContaining("Row 7") }),
      );
    }
  });

  it("measures 100,000 cases of 21 comparisons without overflow, soon", () => {
    const random = seededRandom(2);
    const cases = Array.from({ length: 100_000 }, (_, row) => {
      const scores = Array.from({ length: 7 }, () => random());
      const lengths = Array.from({ length: 7 }, () => Math.floor(3000 * random()));
      return scoredCase({ row, scores, lengths, grades: [6, 5, 4, 3, 2, 1, 0], subset: String(row) });
    });
    const start = process.cpuUsage();
    const measures = measureBenchmark("nectar", cases);
    expect(measures.comparisons).toBe(2_100_000);
    expect(measures.subsets).toHaveLength(100_000);
    const counts = measures.margins?.accuracyBySize.map(({ comparisons }) => comparisons) ?? [];
    expect(counts).toHaveLength(10);
    expect(counts.reduce((a, b) => a + b)).toBe(2_100_000);
    for (const count of counts) expect(Math.abs(count / 210_000 - 1)).toBeLessThan(0.06);
    // About 2 s of processor time; the limit is for what grows with the square.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(20);
  }, 120_000);

  it("does not depend on the order of the cases", () => {
    const random = seededRandom(3);
    const cases = Array.from({ length: 60 }, (_, row) =>
      scoredCase({ row, scores: [1, 2, 3].map(() => Math.floor(8 * random())), grades: [2, 1, 0] }),
    );
    const [one, other] = [cases, cases.toReversed()].map((own) => measureBenchmark("nectar", own));
    // Up to rounding: sums of thirds.
    expect(one?.interval?.low).toBeCloseTo(other?.interval?.low ?? 0, 12);
    expect(one?.interval?.high).toBeCloseTo(other?.interval?.high ?? 0, 12);
    expect(one?.margins).toEqual(other?.margins);
    expect(measureBenchmark("nectar", cases)).toEqual(one);
  });
});

describe("reward benches with parts missing", () => {
  it("v1 names them, and gives no score", () => {
    const cases = [
      scoredCase({ scores: [1, 0], subset: "math-prm" }),
      scoredCase({ scores: [0, 1], subset: "hep-go" }),
      scoredCase({ scores: [0, 1], subset: "toString" }),
    ];
    const { officialScore: own } = measureBenchmark("rewardbench", cases);
    if (own?.kind !== "rewardbench") throw new Error("wrong kind");
    expect(own.score).toBeUndefined();
    expect(own.missingSections).toEqual(["Chat", "Chat Hard", "Safety"]);
    expect(own.scoreByItsOwnCode).toBeCloseTo(984 / (984 + 164) / 4, 12);
    // Three sections of nothing: a quarter of the interval of the fourth.
    const reasoning = own.sections[0]?.interval;
    expect(own.intervalByItsOwnCode?.low).toBeCloseTo((reasoning?.low ?? 1) / 4, 12);
    expect(own.intervalByItsOwnCode?.high).toBeCloseTo((reasoning?.high ?? 1) / 4, 12);
    expect(own.unknownSubsets).toEqual(["toString"]);
    expect(own.sections).toHaveLength(1);
    expect(own.sections[0]).toMatchObject({ section: "Reasoning", cases: 2 });
    expect(own.sections[0]?.score).toBeCloseTo(984 / (984 + 164), 12);
    expect(own.sections[0]?.missing).toContain("hep-rust");
  });

  it("v2 shares a first place, and leaves out what cannot be paired", () => {
    const cases = [
      scoredCase({ scores: [1, 1, 1, 1], subset: "Math" }),
      scoredCase({ scores: [1, 0, 0, 0], subset: "Math" }),
      scoredCase({ scores: [1, 0], subset: "ties", id: "ref:1" }),
      scoredCase({ scores: [1, 0], subset: "ties", id: "tied:1" }),
      scoredCase({ scores: [1, 0], subset: "ties", id: "no number" }),
      scoredCase({ scores: [1, 0], subset: "New" }),
    ];
    const { officialScore: own } = measureBenchmark("rewardbench2", cases);
    if (own?.kind !== "rewardbench2") throw new Error("wrong kind");
    expect(own.score).toBeUndefined();
    expect(own.interval).toBeUndefined();
    expect(own.subsets).toEqual([
      { subset: "Math", score: 0.625, cases: 2, atRandom: 0.25, interval: expect.objectContaining({ level: 0.95 }) },
      { subset: "New", score: 1, cases: 1, atRandom: 0.5, interval: expect.objectContaining({ high: 1 }) },
    ]);
    expect(own.ties).toEqual({ tiedAccuracy: 1, refAccuracy: 1, pairs: 0, unusable: 2 });
    expect(own.missingSubsets).toEqual(["Factuality", "Precise IF", "Safety", "Focus", "Ties"]);
    expect(own.unknownSubsets).toEqual(["New"]);
  });
});

describe("intervals of official scores", () => {
  /** Each third response is worse. */
  const official = (name: "rewardbench" | "rewardbench2" | "rmbench" | "ppe", prompt?: (i: number) => string) => {
    const subsets = {
      rewardbench: ["alpacaeval-easy", "llmbar-natural", "donotanswer", "hep-go"],
      rewardbench2: ["Factuality", "Precise IF", "Math", "Safety", "Focus"],
      rmbench: ["chat", "math", "code", "safety-refuse"],
      ppe: ["mmlu_pro", "math", "gpqa", "mbpp_plus", "ifeval"],
    }[name];
    const count = name === "rmbench" ? 6 : 2;
    const cases = Array.from({ length: 120 }, (_, i) =>
      scoredCase({
        scores: Array.from({ length: count }, (_, k) => (k < count / 2 === i % 3 > 0 ? 1 : 0)),
        grades: Array.from({ length: count }, (_, k) => (k < count / 2 ? 1 : 0)),
        subset: subsets[i % subsets.length] as string,
        ...(prompt && { prompt: prompt(i) }),
      }),
    );
    const ties = Array.from({ length: 40 }, (_, i) =>
      scoredCase({
        scores: i % 8 < 6 ? [3, 2.5, 0] : [0, 2, 1],
        grades: i % 2 === 0 ? [1, 0, 0] : [1, 1, 0],
        subset: "Ties",
        id: `${i % 2 === 0 ? "ref" : "tied"}:${i >> 1}`,
      }),
    );
    const score = measureBenchmark(name, name === "rewardbench2" ? [...cases, ...ties] : cases).officialScore;
    if (score?.score === undefined || score.interval === undefined) throw new Error("no score");
    return { ...score, score: score.score, interval: score.interval };
  };
  const width = ({ low, high }: Pick<Interval, "low" | "high">) => high - low;

  it.each(["rewardbench", "rewardbench2", "rmbench", "ppe"] as const)("%s has one around its score", (name) => {
    const { score, interval } = official(name);
    expect(interval.method).toBe("weighted-wilson");
    expect(interval.low).toBeLessThan(score - 0.05);
    expect(interval.high).toBeGreaterThan(score + 0.05);
    expect(width(interval)).toBeLessThan(0.3);
  });

  it("a prompt in all parts is one draw of the whole score, and no smaller one", () => {
    const pairs = (i: number) => `${Math.floor(i / 60)} ${i % 15}`;
    for (const name of ["rewardbench", "rmbench", "ppe"] as const) {
      const [apart, together] = [official(name).interval, official(name, pairs).interval];
      expect(width(together) / width(apart)).toBeGreaterThan(1.5);
    }
  });

  it("easy, normal and hard have their own, and so have sections, subsets, domains and sets", () => {
    const of = official("rmbench");
    if (of.kind !== "rmbench") throw new Error("wrong kind");
    for (const [name, interval] of [
      ["easy", of.easyInterval],
      ["normal", of.normalInterval],
      ["hard", of.hardInterval],
    ] as const) {
      expect(interval?.low).toBeLessThan(of[name] ?? 0);
      expect(interval?.high).toBeGreaterThan(of[name] ?? 1);
    }
    const parts = [official("rewardbench"), official("rewardbench2"), of, official("ppe")].flatMap(
      (one): readonly { readonly interval?: Interval }[] =>
        one.kind === "rewardbench"
          ? one.sections
          : one.kind === "rewardbench2"
            ? one.subsets
            : one.kind === "rmbench"
              ? one.domains
              : one.correctness,
    );
    expect(parts).toHaveLength(4 + 6 + 4 + 5);
    for (const { interval } of parts) expect(width(interval ?? NONE)).toBeGreaterThan(0.1);
  });

  it("has a width where every prompt is right, also where the weights do not quite add up to 1", () => {
    const values = (count: number, value: number) => Array.from({ length: count }, () => ({ value }));
    const parts = (value: number) => [
      { weight: 0.5, values: values(20, value) },
      { weight: 0.5, values: values(5, value) },
    ];
    // Prompts of a part of 5 weigh more: at most as much as 1 / (0.25 / 20 + 0.25 / 5) of equal weight.
    const [sixteen, five] = [wilsonInterval(16, 16)?.low ?? 0, wilsonInterval(5, 5)?.low ?? 0];
    const [right, wrong] = [intervalOfParts(parts(1)) ?? NONE, intervalOfParts(parts(0)) ?? NONE];
    expect([right.high, wrong.low]).toEqual([1, 0]);
    expect(right.low).toBeLessThan(sixteen);
    expect(right.low).toBeGreaterThan(five);
    expect(wrong.high).toBeCloseTo(1 - right.low, 9);
    for (const value of [0, 1]) {
      const three = [0.37892533485925656, 0.5816657193820823, 0.03940894575866119];
      const { low, high } = intervalOfParts(three.map((weight) => ({ weight, values: values(1, value) }))) ?? NONE;
      expect(high - low).toBeGreaterThan(0.5);
      expect([low, high]).toContain(value);
    }
    // One wrong answer in a part of a thousand says nothing about one of five.
    const large = [...values(999, 1), { value: 0 }];
    const { low } =
      intervalOfParts([
        { weight: 0.5, values: large },
        { weight: 0.5, values: values(5, 1) },
      ]) ?? NONE;
    expect(low).toBeLessThan(0.95);
    expect(intervalOfParts([])).toBeUndefined();
    expect(intervalOfParts([{ weight: 1, values: [] }])).toBeUndefined();
  });
});

describe("intervals", () => {
  it("Wilson's of 8 in 10, as printed in textbooks", () => {
    const { low, high } = wilsonInterval(8, 10) ?? { low: 0, high: 0 };
    expect([low.toFixed(4), high.toFixed(4)]).toEqual(["0.4902", "0.9433"]);
    expect(wilsonInterval(0, 3)?.low).toBe(0);
    expect(wilsonInterval(3, 3)?.high).toBe(1);
    expect(wilsonInterval(0, 0)).toBeUndefined();
  });

  it("has a width where all prompts agree, and is none of none", () => {
    for (const sum of [0, 0.5, 1]) {
      const { low, high, method } =
        clusteredInterval(Array.from({ length: 12 }, () => ({ sum, count: 1, squares: sum ** 2 }))) ?? NONE;
      expect(method).toBe("clustered-wilson");
      expect(wilsonInterval(12 * sum, 12)).toMatchObject({ low, high });
      expect(high - low).toBeGreaterThan(0.2);
    }
    expect(clusteredInterval([])).toBeUndefined();
    expect(clusteredInterval([{ sum: 2, count: 3 }])).toMatchObject({ low: expect.any(Number) });
  });

  it("counts prompts, not cases: the same prompt ten times says nothing more", () => {
    const once = Array.from({ length: 40 }, (_, i) => ({ sum: i % 4 === 0 ? 0 : 1, count: 1 }));
    const tenTimes = once.map(({ sum }) => ({ sum: 10 * sum, count: 10 }));
    expect(clusteredInterval(tenTimes)?.low).toBeCloseTo(clusteredInterval(once)?.low ?? 0, 12);
    const cases = once.flatMap(({ sum }, prompt) =>
      Array.from({ length: 10 }, (_, i) =>
        scoredCase({ scores: [sum, 0.5], prompt: `${prompt}`, row: 10 * prompt + i }),
      ),
    );
    const { prompts, interval } = measureBenchmark("human", cases);
    expect(prompts).toBe(40);
    expect(interval?.low).toBeCloseTo(clusteredInterval(once)?.low ?? 0, 12);
  });

  it("of a mean of benchmarks is narrower than theirs, and wider than none", () => {
    const one = { share: 0.8, interval: wilsonInterval(80, 100) as Interval };
    expect(intervalOfMean([one])).toEqual(one.interval);
    const { low, high } = intervalOfMean([one, one, one, one]) ?? NONE;
    const pooled = wilsonInterval(320, 400) ?? NONE;
    for (const [end, other] of [
      [low, pooled.low],
      [high, pooled.high],
    ] as const)
      expect(Math.abs(end - other)).toBeLessThan(1e-3);
    expect(intervalOfMean([])).toBeUndefined();
  });

  it("of two samples tells a difference from chance", () => {
    const of = (right: number, tries: number) => ({
      share: right / tries,
      interval: wilsonInterval(right, tries) as Interval,
    });
    expect(differ(of(780, 1000), of(807, 1000))).toBe(false);
    expect(differ(of(740, 1000), of(807, 1000))).toBe(true);
    expect(differ(of(807, 1000), of(740, 1000))).toBe(true);
    expect(differ(of(3, 3), of(807, 1000))).toBe(false);
  });

  it("of a paired difference has a width even without any difference", () => {
    const same = Array.from({ length: 50 }, () => ({ sum: 0, count: 1 }));
    const { low, high } = pairedInterval(same) ?? NONE;
    expect(low).toBeLessThan(-0.01);
    expect(high).toBeCloseTo(-low, 12);
    expect(pairedInterval([])).toBeUndefined();
  });

  it("the running accuracy changes its method with the first case of several comparisons", () => {
    const running = new RunningAccuracy();
    expect(running.current).toEqual({ cases: 0 });
    running.add(scoredCase({ scores: [1, 0] }));
    expect(running.current).toEqual({ cases: 1, accuracy: 1, interval: wilsonInterval(1, 1) });
    running.add(scoredCase({ scores: [1, 0, 2], grades: [2, 1, 0] }));
    running.add(scoredCase({ scores: [0, 1] }));
    const { accuracy, interval } = running.current;
    expect(accuracy).toBeCloseTo((1 + 1 / 3) / 3, 12);
    const shares = [1, 1 / 3, 0].map((sum) => ({ sum, count: 1, squares: sum ** 2 }));
    const expected = clusteredInterval(shares);
    expect(interval?.method).toBe("clustered-wilson");
    for (const end of ["low", "high"] as const) expect(interval?.[end]).toBeCloseTo(expected?.[end] ?? 0, 12);
  });
});

const NONE = { low: Number.NaN, high: Number.NaN, method: undefined };

function expectFinite(value: unknown): void {
  if (typeof value === "number") expect(value).toSatisfy(Number.isFinite);
  else if (typeof value === "object" && value !== null) for (const own of Object.values(value)) expectFinite(own);
}
