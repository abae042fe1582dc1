/** The planner alone: what it says would be computed, replayed against what the sequences are. */
import { describe, expect, it } from "vitest";
import type { PlanLimits, PlannedBatch } from "../../src/native/addon.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { randomOf } from "../random.ts";

const addon = loadAddon();
const exact: PlanLimits = { sequences: 1, tokens: 512, minShared: 8, multiple: 4, maxPassedOver: 256, share: true };
const packed: PlanLimits = { sequences: 32, tokens: 2048, minShared: 8, multiple: 1, maxPassedOver: 256, share: true };

const ids = (...parts: readonly (readonly number[])[]) => Int32Array.from(parts.flat());
const run = (start: number, length: number) => Array.from({ length }, (_, i) => start + i);

function common(a: Int32Array, b: Int32Array): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}

const computed = (plan: readonly PlannedBatch[]) =>
  plan.flatMap(({ segments }) => segments).reduce((sum, { begin, end }) => sum + end - begin, 0);

/** Edges of the tree of prefixes: the fewest tokens that must be computed. */
function distinctPrefixes(sequences: readonly Int32Array[]): number {
  const seen = new Set<string>();
  for (const sequence of sequences) {
    let path = "";
    for (const id of sequence) {
      path += `${id},`;
      seen.add(path);
    }
  }
  return seen.size;
}

/** Replays a plan: every token of every sequence is there exactly once, from the right source, when it is needed. */
function check(sequences: readonly Int32Array[], limits: PlanLimits): PlannedBatch[] {
  const plan = addon.planPrefixes(sequences, limits);
  const planned: number[] = [];
  let cached: Int32Array = new Int32Array(0);
  const tokensOf = (member: PlannedBatch["members"][number] | undefined) =>
    sequences[(member as PlannedBatch["members"][number]).sequence] as Int32Array;
  for (const { members, segments, cached: next } of plan) {
    expect(members.length).toBeGreaterThan(0);
    expect(members.length).toBeLessThanOrEqual(limits.sequences);
    const tokens = computed([{ members, segments, cached: next }]);
    if (members.length > 1) expect(tokens).toBeLessThanOrEqual(limits.tokens);
    const at = members.map(({ sequence, kept }) => {
      planned.push(sequence);
      const own = sequences[sequence] as Int32Array;
      expect(kept).toBeLessThanOrEqual(common(own, cached));
      expect(kept).toBeLessThan(own.length);
      expect(kept % limits.multiple).toBe(0);
      if (!limits.share) expect(kept).toBe(0);
      return kept;
    });
    for (const { sharers, begin, end } of segments) {
      expect(end).toBeGreaterThan(begin);
      const texts = sharers.map((member) => tokensOf(members[member]).slice(begin, end));
      for (const [i, member] of sharers.entries()) {
        expect(at[member]).toBe(begin);
        expect(texts[i]).toEqual(texts[0]);
        expect(texts[i]).toHaveLength(end - begin);
        at[member] = end;
      }
    }
    expect(at).toEqual(members.map(({ sequence }) => sequences[sequence]?.length));
    // Its own come first, so that they follow what is kept; and it was the last to be chosen.
    const foreign = segments.findIndex(({ sharers }) => !sharers.includes(next));
    if (foreign >= 0) expect(segments.slice(foreign).some(({ sharers }) => sharers.includes(next))).toBe(false);
    cached = tokensOf(members[next]);
  }
  expect(planned.toSorted((a, b) => a - b)).toEqual([...sequences.keys()]);
  return plan;
}

describe("planPrefixes", () => {
  it("computes a prompt once, however its responses are ordered", () => {
    const responses = Array.from({ length: 7 }, (_, i) => ids(run(0, 200), run(1000 + 100 * i, 60)));
    const others = Array.from({ length: 7 }, (_, i) => ids(run(5000, 120), run(6000 + 100 * i, 40)));
    const mixed = responses.flatMap((response, i) => [response, others[i] as Int32Array]);
    expect(computed(check(mixed, exact))).toBe(200 + 7 * 60 + 120 + 7 * 40);
    expect(computed(check(mixed, packed))).toBe(200 + 7 * 60 + 120 + 7 * 40);
    expect(computed(check(mixed, { ...packed, sequences: 4, tokens: 300 }))).toBe(200 + 7 * 60 + 120 + 7 * 40);
    expect(computed(check(mixed, { ...exact, share: false }))).toBe(7 * 260 + 7 * 160);
  });

  it("computes every branch of a tree once", () => {
    const tree: Int32Array[] = [];
    for (const turn of [10_000, 20_000])
      for (const question of [100, 200, 300])
        for (const answer of [1, 2, 3])
          tree.push(ids(run(0, 40), run(turn, 20), run(question, 12), run(answer * 7, 16)));
    const shuffled = tree.map((_, i) => tree[(i * 7) % tree.length] as Int32Array);
    expect(computed(check(shuffled, exact))).toBe(distinctPrefixes(shuffled));
    expect(computed(check(shuffled, packed))).toBe(distinctPrefixes(shuffled));
  });

  it("shares of sequences that were cut on the left what they really have in common", () => {
    // The same prompt, cut at different places: nothing in common but what happens to be.
    const long = run(0, 100);
    const cut = [
      ids(long.slice(10), run(500, 10)),
      ids(long.slice(20), run(600, 20)),
      ids(long.slice(10), run(700, 10)),
    ];
    const plan = check(cut, exact);
    expect(plan.map(({ members }) => members[0]?.sequence)).toEqual([0, 2, 1]);
    expect(computed(plan)).toBe(100 + 12 + 100);
  });

  it("keeps the order of arrival where sharing would gain next to nothing", () => {
    const sequences = [1, 2, 1, 2].map((prompt, i) => ids(run(prompt * 1000, 6), run(10_000 * (i + 1), 30)));
    expect(check(sequences, exact).map(({ members }) => members[0]?.sequence)).toEqual([0, 1, 2, 3]);
    const worth = [1, 2, 1, 2].map((prompt, i) => ids(run(prompt * 1000, 8), run(10_000 * (i + 1), 30)));
    expect(check(worth, exact).map(({ members }) => members[0]?.sequence)).toEqual([0, 2, 1, 3]);
  });

  it("goes through equals in the order of arrival", () => {
    const responses = [5, 3, 9, 1].map((start) => ids(run(0, 50), run(start * 1000, 5)));
    expect(check(responses, exact).map(({ members }) => members[0]?.sequence)).toEqual([0, 1, 2, 3]);
  });

  it("lets nobody wait for ever", () => {
    const many = Array.from({ length: 40 }, (_, i) => ids(run(0, 50), [1000 + i]));
    const sequences = [many[0] as Int32Array, ids(run(5000, 20)), ...many.slice(1)];
    const order = check(sequences, { ...exact, maxPassedOver: 10 }).map(
      ({ members }) => members[0]?.sequence as number,
    );
    expect(order.indexOf(1)).toBe(11);
    expect(
      check(sequences, exact)
        .map(({ members }) => members[0]?.sequence)
        .at(-1),
    ).toBe(1);
  });

  it("computes the last token of every sequence, also of one that is another's beginning, or another's equal", () => {
    const sequences = [ids(run(0, 30)), ids(run(0, 20)), ids(run(0, 30)), ids(run(0, 1)), ids(run(0, 30))];
    check(sequences, exact);
    const plan = check(sequences, packed);
    expect(plan).toHaveLength(1);
    expect(computed(plan)).toBe(30);
  });

  it("goes on with the sequence that was chosen last, whatever its ids are", () => {
    // Both prompts are in the first batch; responses to the second are left, which comes first in lexicographic order.
    const first = Array.from({ length: 3 }, (_, i) => ids(run(9000, 100), run(1000 * (i + 1), 20)));
    const second = Array.from({ length: 9 }, (_, i) => ids(run(0, 100), run(10_000 + 1000 * i, 20)));
    const plan = check([...first, ...second], { ...packed, tokens: 300 });
    expect(plan.length).toBeGreaterThan(1);
    expect(computed(plan)).toBe(100 + 3 * 20 + 100 + 9 * 20);
  });

  it("puts a long sequence beside others that keep more of the cache if little is computed again: it will not be moved", () => {
    const long = run(0, 400);
    const sharing = (length: number) => [
      ids(long),
      ids(long, run(1000, 30)),
      ids(long.slice(0, length), run(2000, 430 - length)),
    ];
    const limits = { ...packed, tokens: 100 };
    const [, second] = check(sharing(390), limits);
    expect(second?.members.map(({ kept }) => kept)).toEqual([390, 390]);
    expect(check(sharing(380), limits).map(({ members }) => members.length)).toEqual([1, 1, 1]);
  });

  it("counts the last token of each that the cached sequence begins with", () => {
    const long = run(0, 60);
    const beginnings = Array.from({ length: 20 }, (_, i) => ids(long.slice(0, 49 - i)));
    check([ids(long), ...beginnings, ids(long, run(500, 30))], { ...packed, tokens: 35 });
  });

  it("makes a batch of its own of a sequence that is longer than the budget", () => {
    const plan = check([ids(run(0, 30)), ids(run(100, 900)), ids(run(2000, 30))], { ...packed, tokens: 64 });
    expect(plan.map(({ members }) => members.length)).toEqual([1, 1, 1]);
  });

  it("holds for random sequences, and depends on nothing else", () => {
    const random = randomOf(5);
    for (let round = 0; round < 300; round++) {
      const beginnings = Array.from({ length: 1 + random(5) }, () =>
        Array.from({ length: random(40) }, () => random(3)),
      );
      const sequences = Array.from({ length: 1 + random(25) }, () =>
        ids(
          beginnings[random(beginnings.length)] as number[],
          beginnings[random(beginnings.length)] as number[],
          Array.from({ length: 1 + random(12) }, () => random(3)),
        ),
      );
      const limits: PlanLimits = {
        sequences: random(2) === 0 ? 1 : 1 + random(9),
        tokens: 1 + random(150),
        minShared: 1 + random(12),
        multiple: 1,
        maxPassedOver: random(2) === 0 ? 256 : random(8),
        share: random(8) > 0,
      };
      if (limits.sequences === 1 && random(2) === 0) Object.assign(limits, { multiple: 4 });
      const plan = check(sequences, limits);
      expect(addon.planPrefixes(sequences, limits)).toEqual(plan);
      const all = sequences.reduce((sum, { length }) => sum + length, 0);
      expect(computed(plan)).toBeLessThanOrEqual(all);
      const unhurried = { ...limits, sequences: 1, multiple: 1, minShared: 1, maxPassedOver: 256, share: true };
      // Every branch once, and the last token of what another one begins with once more.
      const repeated = sequences.filter((a, i) =>
        sequences.some((b, k) => k !== i && common(a, b) === a.length),
      ).length;
      expect(computed(check(sequences, unhurried))).toBeLessThanOrEqual(distinctPrefixes(sequences) + repeated);
    }
  });

  it.each<[string, unknown, unknown]>([
    ["no list", 3, exact],
    ["an empty sequence", [new Int32Array(0)], exact],
    ["another typed array", [new Float32Array(3)], exact],
    ["no limits", [Int32Array.of(1)], undefined],
    ["a limit of nothing", [Int32Array.of(1)], { ...exact, sequences: 0 }],
  ])("refuses %s", (_, sequences, limits) => {
    expect(() => addon.planPrefixes(sequences as Int32Array[], limits as PlanLimits)).toThrow();
  });
});
