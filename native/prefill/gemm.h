#pragma once

#include "prefill/weight_type.h"

/**
 * Products of activations float[tokens, columns] with a matrix of weights [rows, columns], by kernels that repack the
 * weights once. Only plain types here: each kernel is compiled for processors of its own, and an inline function of the
 * C++ library that it shared with the rest could run anywhere.
 */
namespace starling::prefill {

/** Activations: row `token` starts at values + token * stride. */
struct Activations {
  const float* values;
  size_t stride;
  int64_t tokens;
  int64_t columns;
};

/** Results: row `token` starts at values + token * stride. */
struct Products {
  float* values;
  size_t stride;
};

/**
 * One way to multiply. What a token's products are, to the last bit, depends on nothing but its own activations and the
 * weights: not on the number of tokens, their order, or how panels and tokens are divided among threads. A NaN or an
 * infinity among a token's activations makes its products with nonzero weights NaN or infinite, as do such weights.
 *
 * Weights are packed in panels of `panel_rows` rows of the matrix; the last panel may have fewer. Activations are
 * packed in blocks of `token_block` tokens; the last block may have fewer. Panels and blocks are independent of each
 * other: threads divide them as they like. All pointers to packed data are aligned to 64 bytes.
 */
struct GemmKernel {
  /** As `info` and doctor show it, for example "avx512-vnni". */
  const char* name;
  int32_t panel_rows;
  int32_t token_block;

  /** Whether it can multiply such weights; every type has its own conditions on the number of columns and rows. */
  bool (*takes)(const WeightShape& shape);

  /** Bytes of all panels, a multiple of 64. */
  size_t (*weight_bytes)(const WeightShape& shape);

  /** Packs panels [first, last). @param weights as in a GGUF, all rows */
  void (*pack_weights)(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first, int64_t last);

  /** Bytes of so many packed tokens, a multiple of 64. */
  size_t (*activation_bytes)(WeightType type, int64_t tokens, int64_t columns);

  /** Packs blocks [first, last) of tokens for weights of this type. */
  void (*pack_activations)(WeightType type, const Activations& input, uint8_t* packed, int64_t first, int64_t last);

  /** Products of all tokens with the rows of panels [first, last). Needs all blocks. */
  void (*multiply)(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
                   const Products& products, int64_t first, int64_t last);
};

}  // namespace starling::prefill
