/** How near to the machine's GEMM peak a contender comes. */
import { readGguf } from "../../dist/src/gguf/reader.js";

const EMBEDDING = "token_embd.weight";

/** Weights that each token is multiplied with: those of all matrices but the embedding's, which is looked up. */
export async function multipliedWeights(modelPath) {
  const { tensors } = await readGguf(modelPath);
  return tensors
    .filter(({ name, dims }) => dims.length > 1 && name !== EMBEDDING)
    .reduce((sum, { dims }) => sum + Number(dims[0]) * Number(dims[1]), 0);
}

/**
 * Two operations per weight and computed token. Attention, which grows with the length, does not count.
 *
 * @param {number} tokensPerSecond
 * @param {object} work
 * @param {number} work.weights of multipliedWeights()
 * @param {number} work.computedShare of the tokens, where common prefixes are computed once
 * @param {number | undefined} work.peak operations per second
 */
export function rooflineOf(tokensPerSecond, { weights, computedShare, peak }) {
  const operationsPerSecond = 2 * weights * tokensPerSecond * computedShare;
  return { operationsPerSecond, ...(peak === undefined ? {} : { ofPeak: operationsPerSecond / peak }) };
}
