/**
 * How far a score may be from the reference's in float32, on models whose scores have a standard deviation of about 1.
 * Wrong implementations (rope, permutation, mask, position, head) land at a median of 0.5 and more.
 */
export const tolerance = {
  f32: { max: 0.001, median: 0.0005 },
  f16: { max: 0.02, median: 0.004 },
  // llama.cpp rounds the activations to bf16, too, as the model card's own code in bf16 does (off by up to 0.085).
  bf16: { max: 0.2, median: 0.04 },
  q8_0: { max: 0.35, median: 0.06 },
} as const;
