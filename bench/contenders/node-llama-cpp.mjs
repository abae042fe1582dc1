/**
 * node-llama-cpp's embedding context on the same GGUF and ids, one text after another because it cannot batch. Without the dot
 * product with the head. Task: {modelPath, threads, turns: {ids, tokens}[]}.
 */
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { serve, task } from "./serve.mjs";

/** Its own tokens at both ends of a text, and one that must stay free. */
const EXTRA_TOKENS = 3;

const { modelPath, threads, turns } = task();
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const longest = Math.max(...turns.flatMap(({ ids }) => ids.map(({ length }) => length)));
const contextSize = longest + EXTRA_TOKENS > model.trainContextSize ? longest + EXTRA_TOKENS : undefined;
const context = await model.createEmbeddingContext({ threads, contextSize });

await serve(async (turn, warm) => {
  const { ids, tokens } = turns[turn];
  for (const sequence of warm ? ids.slice(0, 1) : ids) {
    const { vector } = await context.getEmbeddingFor(sequence);
    if (!vector.every(Number.isFinite)) throw new Error("An embedding is not finite.");
  }
  return tokens;
});
await llama.dispose();
