#include "llama/reward_head.h"

#include <algorithm>
#include <limits>

namespace starling {

namespace {

/** Products and sum in double, from the first dimension to the last: the same bits on every machine. */
double dot(const float* weights, const float* row, size_t length) {
  double sum = 0;
  for (size_t i = 0; i < length; ++i) sum += static_cast<double>(weights[i]) * static_cast<double>(row[i]);
  return sum;
}

}  // namespace

size_t RewardHead::width() const {
  if (hidden_weight.empty()) return weight.size();
  const bool fits = !weight.empty() && hidden_weight.size() % weight.size() == 0 &&
                    (hidden_bias.empty() || hidden_bias.size() == weight.size());
  return fits ? hidden_weight.size() / weight.size() : 0;
}

float RewardHead::score(const float* row) const {
  const size_t length = width();
  if (std::all_of(row, row + length, [](float x) { return x == 0; })) return std::numeric_limits<float>::quiet_NaN();
  if (hidden_weight.empty()) return static_cast<float>(dot(weight.data(), row, length) + bias);
  std::vector<float> values(weight.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double value = dot(&hidden_weight[i * length], row, length) + (hidden_bias.empty() ? 0 : hidden_bias[i]);
    // What is not a number stays so.
    values[i] = value <= 0 ? 0 : static_cast<float>(value);
  }
  return static_cast<float>(dot(weight.data(), values.data(), values.size()) + bias);
}

}  // namespace starling
