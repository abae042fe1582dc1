/**
 * All readers on damaged files, for a bounded time: each answers with a value or with an error of ours, ends, and holds
 * no more memory than a file of its size has a reason to. The same seed gives the same rounds; the environment variables
 * make it longer or different:
 *   STARLING_RM_FUZZ_SECONDS=600 STARLING_RM_FUZZ_SEED=7 npx vitest run test/unit/fuzz.test.ts
 * and STARLING_RM_FUZZ_ROUND runs a single round.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCorpus } from "./fuzz/corpus.ts";
import { compileChild, type FuzzOptions, runFuzz } from "./fuzz/run-fuzz.ts";
import { type Corpus, readers } from "./fuzz/targets.ts";

const number = (name: string, fallback: number) => Number(process.env[`STARLING_RM_FUZZ_${name}`] ?? fallback);

const SECONDS = number("SECONDS", 5);
const SEED = number("SEED", 1);
const FIRST_ROUND = number("ROUND", 0);
const LAST_ROUND = process.env["STARLING_RM_FUZZ_ROUND"] === undefined ? Number.MAX_SAFE_INTEGER : FIRST_ROUND;
/** Far beyond any round, which takes milliseconds, on a machine with other things to do. */
const HANG_SECONDS = 60;
/** A planted loop never ends, so a short limit is enough to find it. */
const PLANTED_HANG_SECONDS = 1;

let child: ReturnType<typeof compileChild>;
let corpus: Corpus;

beforeAll(async () => {
  child = compileChild();
  corpus = await makeCorpus();
}, 120_000);

afterAll(() => child.remove());

function run(options: Partial<FuzzOptions>) {
  return runFuzz(child.path, {
    corpus,
    targets: readers,
    seed: SEED,
    firstRound: 0,
    lastRound: Number.MAX_SAFE_INTEGER,
    seconds: SECONDS,
    hangSeconds: HANG_SECONDS,
    ...options,
  });
}

describe("damaged files", () => {
  it("give a value or an error of ours", { timeout: 1000 * (SECONDS + 2 * HANG_SECONDS) }, async () => {
    const { round, accepted } = await run({ firstRound: FIRST_ROUND, lastRound: LAST_ROUND });
    const rounds = round - FIRST_ROUND;
    console.log(`Seed ${SEED}: ${rounds} rounds, of which ${accepted} were accepted.`);
    expect(rounds).toBeGreaterThan(0);
  });

  it("are the same ones in every run", async () => {
    const once = await run({ lastRound: 99, seconds: 60 });
    expect(await run({ lastRound: 99, seconds: 60 })).toEqual(once);
    // Some mutations change what does not matter, most do not.
    expect(once.accepted).toBeGreaterThan(0);
    expect(once.accepted).toBeLessThan(60);
  });
});

describe("the check finds", () => {
  it.each([
    ["plantedTypeError", HANG_SECONDS, /round \d+: plantedTypeError: TypeError: Cannot read/],
    ["plantedRangeError", HANG_SECONDS, /round \d+: plantedRangeError: RangeError/],
    ["plantedBuffer", HANG_SECONDS, /round \d+: plantedBuffer: \d{9} bytes of buffers/],
    ["plantedObjects", HANG_SECONDS, /round \d+: the process ended with .*heap out of memory/],
    ["plantedLoop", PLANTED_HANG_SECONDS, /round \d+: it does not end/],
    ["plantedPromise", PLANTED_HANG_SECONDS, /round \d+: (?:it does not end|the process ended)/],
  ])("%s", { timeout: 90_000 }, async (target, hangSeconds, message) => {
    await expect(run({ targets: [target], lastRound: 999, seconds: 60, hangSeconds })).rejects.toThrow(message);
  });
});
