import { describe, expect, it } from "vitest";
import { WorstMistakes } from "../../../../src/evaluation/measures/mistakes.ts";
import { randomOf } from "../../../random.ts";
import { scoredCase } from "./support.ts";

const texts = (count: number) => () => ({
  prompt: "p",
  responses: Array.from({ length: count }, (_, i) => ({ text: `t${i}`, label: `l${i}` })),
});

describe("the worst mistakes", () => {
  it("are those of the largest margins, one a case, with their texts", () => {
    const worst = new WorstMistakes(2);
    worst.add(scoredCase({ row: 1, scores: [1, 0] }), () => expect.fail("a right case needs no texts"));
    worst.add(scoredCase({ row: 2, scores: [0, 1] }), texts(2));
    worst.add(scoredCase({ row: 3, scores: [0, 3, 5], grades: [2, 1, 0], id: "x", subset: "s" }), texts(3));
    worst.add(scoredCase({ row: 4, scores: [0, 2] }), texts(2));
    worst.add(scoredCase({ row: 5, scores: [0, 0.5] }), () => expect.fail("not among the two worst"));
    expect(worst.worst.map(({ row, margin }) => [row, margin])).toEqual([
      [3, -5],
      [4, -2],
    ]);
    expect(worst.worst[0]).toEqual({
      source: 0,
      row: 3,
      id: "x",
      subset: "s",
      prompt: "p",
      better: { text: "t0", label: "l0", score: 0, tokenCount: 5 },
      worse: { text: "t2", label: "l2", score: 5, tokenCount: 5 },
      margin: -5,
    });
  });

  it("do not depend on the order in which cases come", () => {
    const random = randomOf(3);
    const cases = Array.from({ length: 200 }, (_, row) => scoredCase({ row, source: row % 3, scores: [0, random(6)] }));
    const collect = (own: typeof cases) => {
      const worst = new WorstMistakes(15);
      for (const scored of own) worst.add(scored, texts(2));
      return worst.worst;
    };
    const expected = collect(cases);
    expect(expected).toHaveLength(15);
    expect(collect(cases.toReversed())).toEqual(expected);
    expect(collect(cases.toSorted((a, b) => ((a.row * 37) % 200) - ((b.row * 37) % 200)))).toEqual(expected);
  });

  it("hold an equal score, which is a mistake of margin 0", () => {
    const worst = new WorstMistakes();
    worst.add(scoredCase({ scores: [1, 1] }), texts(2));
    expect(worst.worst.map(({ margin }) => margin)).toEqual([0]);
    const none = new WorstMistakes(0);
    none.add(scoredCase({ scores: [0, 1] }), texts(2));
    expect(none.worst).toEqual([]);
  });
});
