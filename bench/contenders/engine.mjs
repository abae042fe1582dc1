/**
 * The native scorer with any settings, including those users cannot change, for experiments.mjs. Task: {load: LoadOptions
 * without head, count, tokens, vocabulary}. Every measurement has new random sequences, so none is in a cache.
 */
import { readGguf } from "../../dist/src/gguf/reader.js";
import { readRewardMetadata } from "../../dist/src/gguf/reward-metadata.js";
import { openEngine } from "../../dist/src/native/engine.js";
import { below, uniform } from "../random-model/random.mjs";
import { serve, task } from "./serve.mjs";

const { load, count, tokens, vocabulary } = task();
const { addon } = await openEngine({ gpu: "off" });
const { head } = readRewardMetadata(await readGguf(load.path), load.path);
const model = await addon.loadModel({ ...load, head }).promise;
const random = uniform(1);

await serve(async (_turn, warm) => {
  const sequences = Array.from({ length: warm ? 2 : count }, () =>
    Int32Array.from({ length: tokens }, () => 1 + below(random, vocabulary - 1)),
  );
  // Like the library: one job per sequence, all queued at once.
  const scores = await Promise.all(model.scoreEach(sequences).map(({ promise }) => promise));
  if (!scores.every(Number.isFinite)) throw new Error("A score is not finite.");
  return count * tokens;
});
await model.close();
