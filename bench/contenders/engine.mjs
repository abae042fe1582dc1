/**
 * The native scorer with any setting, below what users can choose: for experiments on the defaults of
 * src/scoring/backend-defaults.ts. Task: {load: LoadOptions without head, sequences: number[][], together}.
 */
import { readGguf } from "../../dist/src/gguf/reader.js";
import { readRewardMetadata } from "../../dist/src/gguf/reward-metadata.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { serve, task } from "./serve.mjs";

const { load, sequences, together = false, times = 1 } = task();
const { addon } = await openEngine({ gpu: "off" });
const { head } = readRewardMetadata(await readGguf(load.path), load.path);
const model = await addon.loadModel({ ...load, head }).promise;
const ids = sequences.map((sequence) => Int32Array.from(sequence));
/** As the library does: one job for each sequence in exact mode, all queued at once. */
const jobs = together ? [ids] : ids.map((sequence) => [sequence]);

await serve(async () => {
  for (let i = 0; i < times; i++) {
    const scores = await Promise.all(jobs.map((job) => model.score(job).promise));
    if (!scores.every((values) => values.every(Number.isFinite))) throw new Error("A score is not finite.");
  }
  return times * ids.reduce((sum, { length }) => sum + length, 0);
});
await model.close();
