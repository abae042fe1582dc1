#pragma once

#include <ggml.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling {

/** Rows of a weight matrix, and the type that they are to have. */
struct RowBlock {
  /** f32, f16 or bf16. */
  ggml_type from = GGML_TYPE_F32;
  ggml_type to = GGML_TYPE_F32;
  /** Values of one row; a multiple of the target type's block. */
  size_t row_length = 0;
  /** Whole rows, as `from`. */
  std::vector<uint8_t> input;
  int32_t threads = 1;
};

/**
 * Quantises rows with llama.cpp's own ggml_quantize_chunk, on several threads; each row's bytes depend on nothing but
 * the row. Needs a runtime.
 *
 * @returns the rows as `to`
 * @throws Failure for a value that is not finite, or that the type cannot hold
 */
std::vector<uint8_t> quantize_rows(const RowBlock& block);

}  // namespace starling
