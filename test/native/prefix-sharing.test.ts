/** The estimate's count of computed tokens against the planner that decides it. */
import { describe, expect, it } from "vitest";
import { PrefixSharing } from "../../src/estimate/prefix-sharing.ts";
import { loadAddon } from "../../src/native/load-addon.ts";
import { randomOfRound } from "../random.ts";

const addon = loadAddon();
const limits = { sequences: 1, tokens: 512, minShared: 8, multiple: 1, maxPassedOver: 256 };

function planned(sequences: readonly Int32Array[], share: boolean): number {
  return addon
    .planPrefixes(sequences, { ...limits, share })
    .flatMap(({ segments }) => segments)
    .reduce((sum, { begin, end }) => sum + end - begin, 0);
}

function counted(sequences: readonly Int32Array[], share = true): number {
  const sharing = new PrefixSharing(share);
  for (const sequence of sequences) sharing.add(sequence);
  sharing.endCall();
  return sharing.computed;
}

/** Prompts of different lengths, some with a common beginning, and responses to them in any order. */
function texts(round: number, count: number): Int32Array[] {
  const random = randomOfRound(5, round);
  const run = (length: number, below: number) => Array.from({ length }, () => random(below));
  const start = run(random(12), 3);
  const prompts = Array.from({ length: 1 + random(20) }, () => [...start, ...run(random(30), 3)]);
  const all = Array.from({ length: count }, (_, i) => [
    ...(prompts[random(prompts.length)] as number[]),
    // Equal texts are the stream's business, not the planner's.
    ...run(random(10), 3),
    100 + i,
  ]);
  return all.map((ids) => Int32Array.from(ids));
}

describe("tokens computed", () => {
  it.each([...Array(20).keys()])("are those that the planner computes (%i)", (round) => {
    const sequences = texts(round, 400);
    expect(counted(sequences)).toBe(planned(sequences, true));
    expect(counted(sequences, false)).toBe(planned(sequences, false));
  });

  it("counts equal texts once, and a prompt again where its responses are further apart than a call reads ahead", () => {
    const prompt = Array.from({ length: 50 }, (_, i) => i);
    const one = Int32Array.from([...prompt, 1000]);
    const others = Array.from({ length: 2000 }, (_, i) => Int32Array.of(5000 + i));
    expect(counted([one, one, ...others, one])).toBe(51 + 2000);
    const two = Int32Array.from([...prompt, 1001]);
    expect(counted([one, ...others, two])).toBe(2 * 51 + 2000);
    expect(counted([one, ...others.slice(0, 100), two])).toBe(51 + 1 + 100);
  });
});
