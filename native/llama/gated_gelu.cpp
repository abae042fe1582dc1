#include "llama/gated_gelu.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace starling {

namespace {

/** Adding and subtracting it rounds to a whole number. */
constexpr float ROUNDING = 12582912.0f;

/** 2^x for -126 <= x <= 126, to about 1e-7 of it; without branches and calls, so that compilers make vectors of it. */
inline float power_of_two(float x) {
  const float whole = (x + ROUNDING) - ROUNDING;
  const float part = x - whole;
  // Taylor's series: |part| is at most 1/2.
  float power = 1.5403530e-4f;
  power = power * part + 1.3333558e-3f;
  power = power * part + 9.6181291e-3f;
  power = power * part + 5.5504109e-2f;
  power = power * part + 2.4022651e-1f;
  power = power * part + 6.9314718e-1f;
  power = power * part + 1.0f;
  const int32_t bits = (static_cast<int32_t>(whole) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return power * scale;
}

}  // namespace

void gated_gelu(const float* gate, const float* up, float* product, size_t count) {
  // x/2 * (1 + tanh(u)) = x / (1 + exp(-2u)) with u = sqrt(2/pi) * (x + 0.044715 x^3); the factor is -2 / ln(2) *
  // sqrt(2/pi).
  constexpr float FACTOR = -2.3022082f;
  constexpr float CUBIC = 0.044715f;
  for (size_t i = 0; i < count; ++i) {
    const float x = gate[i];
    const float exponent = FACTOR * (x + CUBIC * x * x * x);
    // In this order of arguments NaN becomes a bound; x is NaN then, and so is the product.
    const float bounded = std::min(std::max(-126.0f, exponent), 126.0f);
    product[i] = x / (1.0f + power_of_two(bounded)) * up[i];
  }
}

}  // namespace starling
