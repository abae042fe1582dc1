#pragma once

#include <ggml.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling {

/** Rows of a weight matrix, and the type to convert them to. */
struct RowBlock {
  /** f32, f16 or bf16. */
  ggml_type from = GGML_TYPE_F32;
  ggml_type to = GGML_TYPE_F32;
  /** Values per row; a multiple of the target type's block size. */
  size_t row_length = 0;
  /** Whole rows of the type `from`. */
  std::vector<uint8_t> input;
  int32_t threads = 1;
};

/**
 * Quantises rows with llama.cpp's ggml_quantize_chunk, on several threads. The bytes of a row depend only on that row.
 * Needs a runtime.
 *
 * @returns the rows of the type `to`
 * @throws Failure with code NOT_FINITE, or NOT_HELD for a value out of the type's range
 */
std::vector<uint8_t> quantize_rows(const RowBlock& block);

}  // namespace starling
