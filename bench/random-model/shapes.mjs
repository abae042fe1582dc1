/** Shapes of the random models. Timings depend on shapes and weight types, not on the weights' values. */

/**
 * @typedef {object} Shape
 * @property {number} hidden a multiple of 256, so every row fits k-quants
 * @property {number} feedForward
 * @property {number} layers
 * @property {number} heads
 * @property {number} keyValueHeads
 * @property {number} vocabulary
 * @property {boolean} [direct] too large to make a float16 form first, see direct.mjs
 */

/** @type {Readonly<Record<string, Shape>>} */
export const shapes = {
  /** As large as the embedded model; fixed costs dominate. Also for testing the bench itself. */
  "3.5m": { hidden: 256, feedForward: 768, layers: 4, heads: 8, keyValueHeads: 2, vocabulary: 2048 },
  /** Llama-160M without the output layer, which a reward model does not have. */
  "140m": { hidden: 768, feedForward: 3072, layers: 12, heads: 12, keyValueHeads: 12, vocabulary: 32_000 },
  /** TinyLlama 1.1B. */
  "1.1b": { hidden: 2048, feedForward: 5632, layers: 22, heads: 32, keyValueHeads: 4, vocabulary: 32_000 },
  /** Starling-RM-34B (Yi-34B). */
  "34b": {
    hidden: 7168,
    feedForward: 20_480,
    layers: 60,
    heads: 56,
    keyValueHeads: 8,
    vocabulary: 64_000,
    direct: true,
  },
};

/**
 * Weight matrices in the order of the file, `[name, row length, rows]`; a norm has 1 row.
 *
 * @param {Shape} shape
 * @returns {[string, number, number][]}
 */
export function tensorShapes({ hidden, feedForward, layers, heads, keyValueHeads, vocabulary }) {
  const keyValue = (hidden / heads) * keyValueHeads;
  /** @type {[string, number, number][]} */
  const tensors = [["token_embd.weight", hidden, vocabulary]];
  for (let layer = 0; layer < layers; layer++) {
    const name = (part) => `blk.${layer}.${part}.weight`;
    tensors.push(
      [name("attn_norm"), hidden, 1],
      [name("attn_q"), hidden, hidden],
      [name("attn_k"), hidden, keyValue],
      [name("attn_v"), hidden, keyValue],
      [name("attn_output"), hidden, hidden],
      [name("ffn_norm"), hidden, 1],
      [name("ffn_gate"), hidden, feedForward],
      [name("ffn_up"), hidden, feedForward],
      [name("ffn_down"), feedForward, hidden],
    );
  }
  tensors.push(["output_norm.weight", hidden, 1]);
  return tensors;
}
