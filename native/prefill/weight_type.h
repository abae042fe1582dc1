#pragma once

#include <cstddef>
#include <cstdint>

namespace starling::prefill {

/** The weight types that kernels take; the values are ggml_type's. */
enum class WeightType : int32_t { F16 = 1, Q4_0 = 2, Q8_0 = 8, Q4_K = 12, Q5_K = 13, Q6_K = 14, BF16 = 30 };

/** A matrix of weights: `rows` outputs, each the dot product of an input with `columns` weights. */
struct WeightShape {
  WeightType type;
  int64_t columns;
  int64_t rows;
};

}  // namespace starling::prefill
