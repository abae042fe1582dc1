#pragma once

#include "prefill/weight_type.h"

namespace starling::prefill {

/** Values that share a scale, in every quantised type at most. */
constexpr int64_t GROUP = 16;

/** One row of quantised weights, not yet multiplied out: weight[i] = scales[i / GROUP] * values[i] - minima[i / GROUP].
 */
struct DecodedRow {
  /** int8[columns]: 0 to 15 for Q4_K, 0 to 31 for Q5_K, else with a sign. */
  int8_t* values;
  /** float[columns / GROUP]. */
  float* scales;
  /** float[columns / GROUP]; all 0 but for Q4_K and Q5_K. */
  float* minima;
};

/** Whether decode_row() takes this type; the others are floating-point numbers, for decode_floats(). */
bool is_quantised(WeightType type);

/** Values of one block: columns must be a multiple of it. */
int64_t block_length(WeightType type);

/** Bytes of one row in a GGUF. */
size_t row_bytes(WeightType type, int64_t columns);

/** @param row as in a GGUF */
void decode_row(WeightType type, const uint8_t* row, int64_t columns, const DecodedRow& decoded);

/** F16 and BF16 to float32, exactly. */
void decode_floats(WeightType type, const uint8_t* row, int64_t columns, float* values);

}  // namespace starling::prefill
