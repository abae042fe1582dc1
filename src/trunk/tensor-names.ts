/** Names of tensors in a GGUF that mean the same in every architecture. */

export const TOKEN_EMBEDDINGS = "token_embd.weight";
/**
 * Divisors of the rotary frequencies, f32[headDim / 2] (Llama 3.1 and later). They follow from config.json; a checkpoint does
 * not store them.
 */
export const ROPE_DIVISORS = "rope_freqs.weight";

/** The layer that a tensor belongs to, and its name there: 3 and "attn_q.weight"; undefined outside the layers. */
export function placeInLayer(name: string): { readonly layer: number; readonly part: string } | undefined {
  const [, layer, part] = /^blk\.(\d+)\.(.+)$/.exec(name) ?? [];
  return layer === undefined || part === undefined ? undefined : { layer: Number(layer), part };
}
