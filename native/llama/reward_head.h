#pragma once

#include <cstddef>
#include <vector>

namespace starling {

/** RewardHead of src/reward-head.ts: weight · row + bias, or the same of a hidden layer's values. */
struct RewardHead {
  std::vector<float> weight;
  float bias = 0;
  /** A hidden layer's rows, one after the other; empty for none. Negative values become 0. */
  std::vector<float> hidden_weight;
  /** As many as the layer has rows, or none. */
  std::vector<float> hidden_bias;

  /** How many numbers of a hidden state it takes; 0 where the layers do not fit each other. */
  size_t width() const;
  /** Of a row of `width()` numbers; NaN for a row of zeros, which a norm is only after an overflow. */
  float score(const float* row) const;
};

}  // namespace starling
