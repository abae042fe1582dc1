/** Models that wrote the responses, and paraphrases: against arithmetic, and by simulation. */
import { describe, expect, it } from "vitest";
import { fitBradleyTerry } from "../../../../src/evaluation/measures/bradley-terry.ts";
import { measureConsistency } from "../../../../src/evaluation/measures/consistency.ts";
import { agreeOnModels } from "../../../../src/evaluation/measures/ppe-models.ts";
import { halfWidth, measureStrengths, readBattles } from "../../../../src/evaluation/measures/strengths.ts";
import { normal, scoredCase, seededRandom } from "./support.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Spread of what the battles about one prompt have in common, in log-odds. */
const LUCK = 0.8;

/** What a fit to endless data converges to: luck pulls the odds of every pair towards even. */
function populationStrengths(truth: readonly number[], luck: number): readonly number[] {
  const battles = truth.flatMap((strength, one) =>
    truth.flatMap((against, other) => {
      if (other <= one) return [];
      let [sum, weights] = [0, 0];
      for (let x = -6; x <= 6; x += 0.01) {
        const weight = Math.exp((-x * x) / 2);
        sum += weight * sigmoid(strength - against + luck * x);
        weights += weight;
      }
      return [{ one, other, outcome: sum / weights, prompt: 10 * one + other }];
    }),
  );
  return fitBradleyTerry(truth.length, battles)[0]?.strengths ?? [];
}

describe("Bradley-Terry", () => {
  it("of two players is the logarithm of the odds, with a variance over prompts", () => {
    // Prompt 0: two wins; 1: a win and a loss; 2: a tie and a loss; 3: a win.
    const outcomes = [
      [0, 1],
      [0, 1],
      [1, 1],
      [1, 0],
      [2, 0.5],
      [2, 0],
      [3, 1],
    ] as const;
    const battles = outcomes.map(([prompt, outcome]) => ({ one: 0, other: 1, outcome, prompt }));
    const [fitted, ...more] = fitBradleyTerry(2, battles);
    expect(more).toEqual([]);
    const share = 4.5 / 7;
    const odds = Math.log(share / (1 - share));
    expect(fitted?.strengths).toEqual([expect.closeTo(odds / 2, 10), expect.closeTo(-odds / 2, 10)]);
    const sums = [0, 1, 2, 3].map((prompt) =>
      outcomes.reduce((sum, [of, outcome]) => sum + (of === prompt ? outcome - share : 0), 0),
    );
    const variance = (sums.reduce((sum, value) => sum + value ** 2, 0) / (7 * share * (1 - share)) ** 2) * (4 / 3);
    expect(fitted?.covariance[0]?.[0]).toBeCloseTo(variance / 4, 10);
    expect(fitted?.covariance[0]?.[1]).toBeCloseTo(-variance / 4, 10);
    expect(fitted?.prompts).toEqual([4, 4]);
  });

  it("is where expected and observed points are the same", () => {
    const random = seededRandom(3);
    const battles = Array.from({ length: 400 }, (_, i) => {
      const one = Math.floor(5 * random());
      const other = (one + 1 + Math.floor(4 * random())) % 5;
      return { one, other, outcome: [0, 0.5, 1][Math.floor(3 * random())] as number, prompt: i >> 1 };
    });
    const [fitted] = fitBradleyTerry(5, battles);
    const strengths = fitted?.strengths as number[];
    for (let player = 0; player < 5; player++) {
      let [observed, expected] = [0, 0];
      for (const { one, other, outcome } of battles) {
        if (one !== player && other !== player) continue;
        observed += one === player ? outcome : 1 - outcome;
        const chance = sigmoid((strengths[one] as number) - (strengths[other] as number));
        expected += one === player ? chance : 1 - chance;
      }
      expect(expected).toBeCloseTo(observed, 8);
    }
    expect(strengths.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 10);
  });

  it("has a component for each set of players with wins both ways, and none for who won everything", () => {
    const battle = (one: number, other: number, outcome: number, prompt: number) => ({ one, other, outcome, prompt });
    const fitted = fitBradleyTerry(6, [
      ...[battle(0, 1, 1, 0), battle(1, 2, 1, 1), battle(2, 0, 1, 2)],
      // 3 beats all of them, and 4 and 5 meet only each other.
      ...[battle(3, 0, 1, 3), battle(3, 1, 1, 4), battle(4, 5, 0.5, 5), battle(4, 5, 1, 6)],
    ]);
    expect(fitted.map(({ players }) => players)).toEqual([
      [0, 1, 2],
      [4, 5],
    ]);
    for (const { strengths } of fitted) for (const strength of strengths) expect(Number.isFinite(strength)).toBe(true);
  });

  it("never gives an interval without width", () => {
    const battles = [0, 1, 2].map((prompt) => ({ one: 0, other: 1, outcome: 0.5, prompt }));
    const [fitted] = fitBradleyTerry(2, battles);
    expect(fitted?.strengths).toEqual([expect.closeTo(0, 12), expect.closeTo(0, 12)]);
    expect(fitted && halfWidth(fitted, 0)).toBeGreaterThan(1);
  });

  it.each([
    { prompts: 40, each: 3 },
    { prompts: 150, each: 2 },
    { prompts: 400, each: 1 },
  ])("has intervals that hold: $prompts prompts with up to $each battles", ({ prompts, each }) => {
    const truth = [0.9, 0.2, -0.3, -0.8];
    const centers = populationStrengths(truth, LUCK);
    const random = seededRandom(prompts);
    const samples = prompts > 200 ? 250 : 500;
    let [covered, all] = [0, 0];
    for (let sample = 0; sample < samples; sample++) {
      const battles = Array.from({ length: prompts }, (_, prompt) => {
        // Battles about one prompt go the same way more often than not.
        const luck = LUCK * normal(random);
        const one = Math.floor(4 * random());
        const other = (one + 1 + Math.floor(3 * random())) % 4;
        return Array.from({ length: 1 + Math.floor(each * random()) }, () => ({
          one,
          other,
          prompt,
          outcome: random() < sigmoid((truth[one] as number) - (truth[other] as number) + luck) ? 1 : 0,
        }));
      }).flat();
      const [fitted] = fitBradleyTerry(4, battles);
      if (fitted?.players.length !== 4) continue;
      for (let player = 0; player < 4; player++) {
        all += 1;
        if (Math.abs((fitted.strengths[player] as number) - (centers[player] as number)) <= halfWidth(fitted, player))
          covered += 1;
      }
    }
    expect(all).toBeGreaterThan(3.5 * samples);
    expect(covered / all).toBeGreaterThan(0.92);
    expect(covered / all).toBeLessThan(0.98);
  });
});

describe("models that wrote the responses", () => {
  const cases = [
    scoredCase({ scores: [3, 1], grades: [1, 0], models: ["a", "b"], prompt: "p", row: 1 }),
    scoredCase({ scores: [2, 2], grades: [1, 0], models: ["b", "a"], prompt: "p", row: 2 }),
    scoredCase({ scores: [0, 5, 4], grades: [2, 1, 0], models: ["a", "b", "c"], prompt: "q", row: 3 }),
    scoredCase({ scores: [9, 5], grades: [1, 0], models: ["a", "a"], prompt: "r", row: 4 }),
    scoredCase({ scores: [9, 5], grades: [1, 0], models: ["a", undefined], prompt: "r", row: 5 }),
  ];

  it("have win rates by scores beside those by the labels, ties as halves", () => {
    const measured = measureStrengths(readBattles(cases));
    expect(measured).toMatchObject({ battles: 5, prompts: 2 });
    const of = (name: string) => measured?.models.find(({ model }) => model === name);
    // By scores: a 1 of b, half of b, 0 of b, 0 of c; b 1 of c.
    expect(of("a")).toMatchObject({ battles: 4, byScores: { winRate: 1.5 / 4 }, byLabels: { winRate: 3 / 4 } });
    expect(of("b")).toMatchObject({ battles: 4, byScores: { winRate: 2.5 / 4 }, byLabels: { winRate: 2 / 4 } });
    expect(of("c")).toMatchObject({ battles: 2, byScores: { winRate: 1 / 2 }, byLabels: { winRate: 0 } });
    expect(of("c")?.byLabels).not.toHaveProperty("strength");
    expect(of("a")?.byScores.strengthInterval?.low).toBeLessThan(of("a")?.byScores.strength as number);
  });

  it("are absent where the data name none, or only one", () => {
    expect(measureStrengths(readBattles([scoredCase({ scores: [1, 0] })]))).toBeUndefined();
    expect(measureStrengths(readBattles([cases[3] as (typeof cases)[0]]))).toBeUndefined();
  });

  it("are agreed on fully by scores that follow the labels, and not at all by their opposite", () => {
    const random = seededRandom(9);
    const skill = [2, 0.7, -0.7, -2];
    const made = (sign: number) =>
      Array.from({ length: 1200 }, (_, i) => {
        const one = Math.floor(4 * random());
        const other = (one + 1 + Math.floor(3 * random())) % 4;
        const first = random() < sigmoid((skill[one] as number) - (skill[other] as number)) ? 1 : 0;
        const grades = [first, 1 - first];
        return scoredCase({
          scores: grades.map((grade) => sign * grade),
          grades,
          models: [`m${one}`, `m${other}`],
          prompt: `p${i}`,
        });
      });
    const same = agreeOnModels(readBattles(made(1)));
    expect(same).toMatchObject({ models: 4, spearman: 1, kendall: 1, separability: 1, confidenceAgreement: 1 });
    expect(same?.rowPearson).toBeCloseTo(1, 12);
    expect(same?.brier).toBeLessThan(1e-6);
    const opposite = agreeOnModels(readBattles(made(-1)));
    expect(opposite).toMatchObject({ spearman: -1, kendall: -1, separability: 1, confidenceAgreement: -1 });
    expect(opposite?.brier).toBeGreaterThan(0.999);
  });
});

describe("paraphrases", () => {
  const group = (paraphrases: string, ...scores: number[][]) =>
    scores.map((own, i) =>
      scoredCase({ scores: own, paraphrases, responses: ["x", "y", "z"].slice(0, own.length), row: i }),
    );

  it("keep the order in so many pairs of cases", () => {
    const cases = [...group("p", [2, 1], [5, 4], [0, 1]), ...group("q", [1, 0], [3, 2]), ...group("alone", [1, 0])];
    const measured = measureConsistency(cases);
    expect(measured).toMatchObject({
      prompts: 2,
      cases: 5,
      comparisons: 2,
      pairs: 4,
      consistency: 2 / 4,
      always: 1 / 2,
    });
    expect(measured?.interval?.low).toBeLessThan(0.5);
  });

  it("find a response by its text, wherever it is in the row", () => {
    const [one, other] = group("p", [2, 1], [1, 2]) as [ReturnType<typeof scoredCase>, ReturnType<typeof scoredCase>];
    expect(measureConsistency([one, other])).toMatchObject({ consistency: 0 });
    const swapped = { ...other, responses: ["y", "x"], comparisons: [{ better: 1, worse: 0 }] };
    expect(measureConsistency([one, swapped])).toMatchObject({ consistency: 1 });
    const ofItsOwn = { ...other, responses: ["v", "w"] };
    expect(measureConsistency([one, ofItsOwn])).toMatchObject({ consistency: 0 });
  });

  it("are absent unless asked for, and say so when nothing is shared", () => {
    expect(measureConsistency([scoredCase({ scores: [1, 0] })])).toBeUndefined();
    const lonely = measureConsistency(group("p", [1, 0]));
    expect(lonely).toEqual({ prompts: 0, cases: 0, comparisons: 0, pairs: 0 });
  });
});
