#pragma once

#include <cstddef>
#include <cstdint>

/** Attention of many tokens at once to the cells of a key-value cache. Plain types only, as in gemm.h. */
namespace starling::prefill {

/** Strides are in bytes. A query head h uses the keys and values of head h / (heads / key_value_heads). */
struct AttentionProblem {
  int64_t head_length;
  int64_t heads;
  int64_t key_value_heads;
  int64_t tokens;
  int64_t cells;
  /** Queries are multiplied with it. */
  float scale;

  const uint8_t* queries;
  size_t query_token_stride;
  size_t query_head_stride;

  /** float16 or float32; the values of a cell's head are contiguous. */
  bool half;
  const uint8_t* keys;
  size_t key_cell_stride;
  size_t key_head_stride;
  const uint8_t* values;
  size_t value_cell_stride;
  size_t value_head_stride;

  /** float16[tokens, cells]: 0 for a cell that a token attends to, -infinity for one that it does not. */
  const uint8_t* mask;
  size_t mask_token_stride;

  /** float[tokens, heads, head_length], contiguous. */
  float* output;
};

/**
 * One way to compute softmax(scale · q · kᵀ + mask) · v in float32. What a token's result is, to the last bit, depends
 * on its query and on the keys and values that it attends to, in the order of their cells: not on which cells these
 * are, on the other tokens, on the number of cells, on what is in cells that it does not attend to (NaN and infinities
 * included), or on the thread. A token that attends to no cell gets zeros.
 */
struct AttentionKernel {
  const char* name;

  /** Whether it can compute such heads. */
  bool (*takes)(const AttentionProblem& problem);

  /** How many tasks a problem has; they are independent. */
  int64_t (*tasks)(const AttentionProblem& problem);

  /** Bytes of a thread's own memory, aligned to 64. */
  size_t (*scratch_bytes)(const AttentionProblem& problem);

  void (*compute)(const AttentionProblem& problem, uint8_t* scratch, int64_t first_task, int64_t last_task);
};

}  // namespace starling::prefill
