/** This library as its users use it: texts in, scores out. Task: {modelPath, threads, items, tokens}. */
import { loadRewardModel } from "../../dist/src/index.js";
import { serve, task } from "./serve.mjs";

const { modelPath, threads, items, tokens, batchMode } = task();
const model = await loadRewardModel({
  modelPath,
  gpu: "off",
  threads,
  ...(batchMode === undefined ? {} : { batchMode }),
});
for (const { ids, totalTokens } of await model.tokenizer.tokenize(items))
  if (ids.length !== tokens) throw new Error(`A text has ${ids.length} of ${totalTokens} tokens instead of ${tokens}.`);

await serve(async () => {
  const results = await model.score(items);
  if (!results.every(({ score }) => Number.isFinite(score))) throw new Error("A score is not finite.");
  return results.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
});
await model.close();
