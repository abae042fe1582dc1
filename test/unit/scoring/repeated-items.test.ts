import { expect, it } from "vitest";
import { type ItemJob, RepeatedItems } from "../../../src/scoring/repeated-items.ts";

/** Sums tokens, and counts how many sequences each call computes. */
function counter() {
  const counts: number[] = [];
  const items = new RepeatedItems();
  const score = (sequences: readonly Int32Array[]) => {
    const compute = (indices: readonly number[]) => {
      counts.push(indices.length);
      return indices.map((i): ItemJob => {
        const sum = (sequences[i] as Int32Array).reduce((a, b) => a + b, 0);
        return { promise: Promise.resolve(sum), cancel() {} };
      });
    };
    const asked = sequences.map((each) => ({ ids: each }));
    return Promise.all(items.jobs(asked, compute).map(({ promise }) => promise));
  };
  return { counts, score };
}

const ids = (...numbers: number[]) => Int32Array.from(numbers);

it("computes equal sequences once, within a call and across calls, and keeps their order", async () => {
  const { counts, score } = counter();
  expect(await score([ids(1, 2), ids(3), ids(1, 2), ids(2, 1)])).toEqual([3, 3, 3, 3]);
  // Parts of a buffer are compared by what they hold.
  const all = ids(9, 1, 2, 9);
  expect(await score([ids(4), all.subarray(1, 3), ids(4, 0)])).toEqual([4, 3, 4]);
  expect(counts).toEqual([3, 2]);
});

it("remembers so many results and no more", async () => {
  const { counts, score } = counter();
  await score(Array.from({ length: 65_537 }, (_, i) => ids(i)));
  await score([ids(0), ids(65_536)]);
  expect(counts).toEqual([65_537, 1]);
});

it("tells rewards from different tokens on apart, and gives each item its own", async () => {
  const items = new RepeatedItems();
  const rewards = Float32Array.from([1, 2]);
  const compute = (indices: readonly number[]) =>
    indices.map((): ItemJob => ({ promise: Promise.resolve(rewards), cancel() {} }));
  const [first, second, third] = items.jobs(
    [
      { ids: ids(1, 2), start: 0 },
      { ids: ids(1, 2), start: 0 },
      { ids: ids(1, 2), start: 1 },
    ],
    compute,
  );
  expect(await first?.promise).toBe(rewards);
  expect(await second?.promise).toEqual(rewards);
  expect(await second?.promise).not.toBe(rewards);
  expect(await third?.promise).toBe(rewards);
});
