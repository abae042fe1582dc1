/** Readers with the bugs that the fuzz test is for: it must find each. */
import type { Random } from "./byte-mutations.ts";

const HUGE = 2 ** 28;
/** The bug strikes in some rounds only, as real ones do. */
const RARELY = 20;

const bug =
  (strike: () => unknown) =>
  async (_: unknown, random: Random): Promise<() => Promise<void>> => {
    const strikes = random(RARELY) === 0;
    return async () => {
      if (strikes) await strike();
    };
  };

/** Keeps what it makes within reach, as a list of parsed things does. */
const kept: { value?: unknown } = {};

export const planted = {
  plantedTypeError: bug(() => (undefined as unknown as { length: number }).length),
  plantedRangeError: bug(() => Buffer.alloc(4).readUInt32LE(4)),
  /** A buffer of a forged length, though nothing is ever put into it. */
  plantedBuffer: bug(() => {
    kept.value = Buffer.alloc(HUGE);
  }),
  plantedObjects: bug(() => {
    const list: object[] = [];
    kept.value = list;
    for (let i = 0; i < HUGE; i++) list.push({ i });
  }),
  plantedLoop: bug(() => {
    for (;;) kept.value = undefined;
  }),
  plantedPromise: bug(() => new Promise(() => {})),
};
