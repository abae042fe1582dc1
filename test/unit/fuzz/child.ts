/** Runs rounds in a process of its own, so that one that never ends or fills its memory can be told and stopped. */

import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { isStarlingError } from "../../../src/errors.ts";
import { randomOfRound } from "../../random.ts";
import { type Corpus, targets } from "./targets.ts";

export interface ChildSetup {
  readonly corpus: Corpus;
  /** The targets take turns. */
  readonly targets: readonly string[];
  readonly seed: number;
  readonly firstRound: number;
  readonly lastRound: number;
  readonly seconds: number;
  /** A file with the number of the current round, which can be read however the process ends. */
  readonly progress: string;
}

export interface ChildReport {
  /** The first that was not run, or the one that failed. */
  readonly round: number;
  readonly accepted: number;
  readonly failure?: string;
}

/** Most bytes of buffers that a round may hold beside what was there before: samples take at most a hundredth of it. */
const ROUND_BYTES = 64 * 1024 * 1024;
/** In some rounds a file claims to have 16 GiB more than it has, so that a forged length fits into it. */
const HUGE_ONCE_IN = 50;
const HUGE_BYTES = 2 ** 34;
/** The same for such a file: the largest header that is read, and the smaller readings before it. */
const ROUND_BYTES_OF_HUGE = 384 * 1024 * 1024;

const [setup] = (await once(process, "message")) as [ChildSetup];
const progress = openSync(setup.progress, "w");

async function runRound(round: number): Promise<{ accepted: boolean; failure?: string }> {
  const random = randomOfRound(setup.seed, round);
  const name = setup.targets[round % setup.targets.length] as string;
  const before = process.memoryUsage().arrayBuffers;
  let most = before;
  const measure = () => {
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  };
  const target = targets[name];
  if (target === undefined) throw new Error(`There is no target ${name}.`);
  const huge = random(HUGE_ONCE_IN) === 0;
  const allowance = huge ? ROUND_BYTES_OF_HUGE : ROUND_BYTES;
  const run = await target(setup.corpus, random, measure, huge ? HUGE_BYTES : 0);
  let accepted = true;
  try {
    await run();
  } catch (error) {
    accepted = false;
    const text = error instanceof Error ? error.stack : String(error);
    if (!isStarlingError(error)) return { accepted, failure: `${name}: ${text}` };
    if (error.message.includes("\n")) return { accepted, failure: `${name}: a message of several lines: ${text}` };
  }
  measure();
  if (most - before <= allowance) return { accepted };
  return { accepted, failure: `${name}: ${most - before} bytes of buffers; at most ${allowance} are allowed.` };
}

async function run(): Promise<ChildReport> {
  const end = Date.now() + 1000 * setup.seconds;
  let accepted = 0;
  let round = setup.firstRound;
  for (; round <= setup.lastRound && Date.now() < end; round++) {
    writeSync(progress, String(round).padEnd(16), 0);
    const result = await runRound(round);
    if (result.accepted) accepted += 1;
    if (result.failure !== undefined) return { round, accepted, failure: result.failure };
  }
  return { round, accepted };
}

process.send?.(await run());
