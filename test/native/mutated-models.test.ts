/**
 * Models whose files are sound GGUFs and mean something else than they should: each is refused in words or scored, and no
 * process is lost over it. The same seed gives the same files; the environment variables make it longer or different:
 *   STARLING_RM_MUTATIONS=20000 STARLING_RM_MUTATION_SEED=7 npx vitest run --project native test/native/mutated-models.test.ts
 * and STARLING_RM_MUTATION_ROUND runs a single round. STARLING_RM_MUTATION_LOG names a file for all outcomes, as JSON lines.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../src/convert/convert.ts";
import { packageRoot } from "../../src/package-info.ts";
import { type Outcome, runModels } from "./mutated-models/run-models.ts";
import { readSample, type Sample, writeSample } from "./mutated-models/sample.ts";
import { folder, openAddon, removeFolder, rowQuantizer } from "./support.ts";

const setting = (name: string, fallback: number) => Number(process.env[`STARLING_RM_MUTATION${name}`] ?? fallback);

const SEED = setting("_SEED", 1);
const FIRST_ROUND = setting("_ROUND", 0);
const ROUNDS = process.env["STARLING_RM_MUTATION_ROUND"] === undefined ? setting("S", 300) : 1;
const LOG = process.env["STARLING_RM_MUTATION_LOG"];
/** Far beyond any load, which takes milliseconds, on a machine with other things to do. */
const HANG_SECONDS = setting("_SECONDS", 60);

/** A planted loop never ends; a child starts within. */
const PLANTED_HANG_SECONDS = 6;

/** Every profile and vocabulary, and the types with kernels and places of their own. */
const SAMPLES = [
  ["mha-f32", "f32"],
  ["odd-f16", "f16"],
  ["adversarial-prefix", "q8_0"],
  ["gqa4-bf16-sharded", "q4_k_m"],
  ["alpha7b-like", "f16"],
  ["hf-seqcls-spm", "f32"],
  ["hf-seqcls-bpe", "f16"],
  ["hf-seqcls-rope", "q8_0"],
] as const;

const samples: Sample[] = [];

beforeAll(async () => {
  const addon = await openAddon();
  for (const [name, type] of SAMPLES) {
    const output = join(folder, `${name}.gguf`);
    const checkpoint = join(packageRoot(), "test", "fixtures", "checkpoints", name);
    await convertCheckpoint({ checkpoint, output, type, quantizeRows: rowQuantizer(addon) });
    samples.push(readSample(`${name} as ${type}`, output));
  }
});
afterAll(removeFolder);

/** What no file may do. */
function faultOf({ answer, lost }: Outcome): string | undefined {
  if (lost !== undefined) return lost;
  const { step, code, message = "", scores = [] } = answer as NonNullable<typeof answer>;
  if (code === "none of ours") return `an error that is none of ours: ${message}`;
  if (/[\n\r]/.test(message)) return `a message of several lines: ${message}`;
  // Whatever llama.cpp refuses, it says so of a file that we took for sound.
  if (code === "ERR_MODEL_LOAD") return `only llama.cpp refused: ${message}`;
  if (step === "done" && !scores.every(Number.isFinite)) return `the scores ${scores}`;
  return undefined;
}

const run = (options: Partial<Parameters<typeof runModels>[0]> = {}) =>
  runModels({
    samples,
    folder,
    seed: SEED,
    firstRound: FIRST_ROUND,
    rounds: ROUNDS,
    hangSeconds: HANG_SECONDS,
    ...options,
  });

describe("models whose files mean something else", () => {
  it("are refused or scored", { timeout: ROUNDS * 1000 + 2000 * HANG_SECONDS }, async () => {
    const faults: string[] = [];
    const counts = { scored: 0, refused: 0, failed: 0 };
    let slowest = 0;
    for await (const outcome of run()) {
      if (LOG !== undefined) appendFileSync(LOG, `${JSON.stringify(outcome)}\n`);
      const fault = faultOf(outcome);
      if (fault !== undefined) faults.push(`Seed ${SEED}, round ${outcome.round} (${outcome.what}): ${fault}`);
      slowest = Math.max(slowest, outcome.answer?.milliseconds ?? 0);
      const step = outcome.answer?.step;
      if (step !== undefined) counts[step === "done" ? "scored" : step === "load" ? "refused" : "failed"] += 1;
    }
    console.log(
      `Seed ${SEED}: ${JSON.stringify(counts)}, ${faults.length} faults, the slowest took ${Math.round(slowest)} ms.`,
    );
    expect(faults).toEqual([]);
    if (ROUNDS === 1) return;
    expect(counts.scored).toBeGreaterThan(ROUNDS / 20);
    expect(counts.refused).toBeGreaterThan(ROUNDS / 4);
  });

  it("are scored when nothing was changed", async () => {
    const plain = samples.values();
    const tamper = (path: string) => void writeFileSync(path, writeSample(plain.next().value as Sample));
    for await (const { answer, lost } of run({ firstRound: 0, rounds: samples.length, tamper })) {
      expect(lost).toBeUndefined();
      expect(answer).toMatchObject({ step: "done" });
    }
  });

  it("are the same ones in every run", async () => {
    const outcomes = async () => {
      const all = [];
      for await (const { what, lost, answer } of run({ seed: 5, firstRound: 0, rounds: 12 }))
        all.push({ what, lost, scores: answer?.scores, code: answer?.code });
      return all;
    };
    expect(await outcomes()).toEqual(await outcomes());
  });

  it("are found when a process is lost over one, and the next ones are still tried", async () => {
    const lost: (string | undefined)[] = [];
    const tamper = (_: string, round: number) => (["abort", "loop"] as const)[round];
    for await (const outcome of run({ firstRound: 0, rounds: 3, hangSeconds: PLANTED_HANG_SECONDS, tamper }))
      lost.push(outcome.lost);
    expect(lost).toEqual([
      expect.stringMatching(/^the process ended with SIGABRT|^the process ended with \d/),
      expect.stringMatching(/^there is no answer within/),
      undefined,
    ]);
  });
});
