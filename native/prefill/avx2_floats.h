#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "prefill/avx2_format.h"
#include "prefill/decode_weights.h"
#include "prefill/gemm.h"

/**
 * F16 and BF16 weights times activations, in float32. Panels keep the 16-bit numbers, column by column; a stretch of
 * columns is widened, and all tokens go past it. Every product and sum is float32: nothing of the weights or of the
 * activations is rounded.
 */
namespace starling::prefill {

namespace {

constexpr int64_t FLOAT_STRETCH = STRETCH_BYTES / (PANEL_ROWS * 4);
/** Tokens at once: two sums for each, and three registers for weights and a value. */
constexpr int FLOAT_TOKENS = 6;

void pack_float_panel(const WeightShape& shape, const uint8_t* weights, int64_t first_row, uint8_t* packed) {
  const int64_t rows = smaller(PANEL_ROWS, shape.rows - first_row);
  const size_t stride = row_bytes(shape.type, shape.columns);
  const uint8_t* source = weights + static_cast<size_t>(first_row) * stride;
  if (rows < PANEL_ROWS) std::memset(packed, 0, static_cast<size_t>(shape.columns * PANEL_ROWS * 2));
  for (int64_t column = 0; column < shape.columns; ++column)
    for (int64_t row = 0; row < rows; ++row)
      std::memcpy(packed + (column * PANEL_ROWS + row) * 2, source + static_cast<size_t>(row) * stride + column * 2, 2);
}

__m256 widen(WeightType type, __m128i halves) {
  if (type == WeightType::F16) return _mm256_cvtph_ps(halves);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

void widen_stretch(WeightType type, const uint8_t* packed, int64_t columns, float* widened) {
  for (int64_t i = 0; i < columns * PANEL_ROWS; i += 8)
    _mm256_store_ps(widened + i, widen(type, _mm_load_si128(reinterpret_cast<const __m128i*>(packed + i * 2))));
}

/** Adds the products of a stretch to `totals`; its own sums start at zero, so that long sums lose less. */
template <int TOKENS>
void multiply_floats(const float* weights, int64_t columns, const float* values, size_t stride,
                     float (*totals)[PANEL_ROWS]) {
  __m256 sums[TOKENS][2];
  for (auto& sum : sums) sum[0] = sum[1] = _mm256_setzero_ps();
  for (int64_t column = 0; column < columns; ++column) {
    const __m256 low = _mm256_load_ps(weights + column * PANEL_ROWS);
    const __m256 high = _mm256_load_ps(weights + column * PANEL_ROWS + 8);
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const __m256 value = _mm256_broadcast_ss(values + token * stride + column);
      sums[token][0] = _mm256_fmadd_ps(low, value, sums[token][0]);
      sums[token][1] = _mm256_fmadd_ps(high, value, sums[token][1]);
    }
  }
  for (int token = 0; token < TOKENS; ++token) {
    for (int half = 0; half < 2; ++half) {
      float* total = totals[token] + half * 8;
      _mm256_store_ps(total, _mm256_add_ps(_mm256_load_ps(total), sums[token][half]));
    }
  }
}

/** The last tokens, fewer than a full step: the same operations for each of them. */
template <int TOKENS>
void multiply_float_step(int64_t count, const float* weights, int64_t columns, const float* values, size_t stride,
                         float (*totals)[PANEL_ROWS]) {
  if constexpr (TOKENS > 0) {
    if (count >= TOKENS)
      multiply_floats<TOKENS>(weights, columns, values, stride, totals);
    else
      multiply_float_step<TOKENS - 1>(count, weights, columns, values, stride, totals);
  }
}

/** The functions of a GemmKernel for F16 and BF16. */
struct Floats {
  static bool takes(const WeightShape& shape) {
    return !is_quantised(shape.type) && shape.rows > 0 && shape.columns > 0 && shape.columns % 2 == 0;
  }

  static size_t panel_bytes(const WeightShape& shape) { return static_cast<size_t>(shape.columns * PANEL_ROWS * 2); }

  static size_t weight_bytes(const WeightShape& shape) {
    return panel_bytes(shape) * static_cast<size_t>((shape.rows + PANEL_ROWS - 1) / PANEL_ROWS);
  }

  static void pack_weights(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first,
                           int64_t last) {
    for (int64_t panel = first; panel < last; ++panel)
      pack_float_panel(shape, weights, panel * PANEL_ROWS, packed + static_cast<size_t>(panel) * panel_bytes(shape));
  }

  /** Floats of a packed token: whole cache lines, an odd number of them, so that tokens do not share cache sets. */
  static size_t token_stride(int64_t columns) { return (static_cast<size_t>(columns) + 15) / 16 * 16 | 16; }

  static size_t activation_bytes(WeightType, int64_t tokens, int64_t columns) {
    return static_cast<size_t>(tokens) * token_stride(columns) * sizeof(float);
  }

  static void pack_activations(WeightType, const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
    const size_t bytes = token_stride(input.columns) * sizeof(float);
    for (int64_t token = first; token < last; ++token)
      std::memcpy(packed + static_cast<size_t>(token) * bytes, input.values + static_cast<size_t>(token) * input.stride,
                  static_cast<size_t>(input.columns) * sizeof(float));
  }

  /** Sums of up to MOST_TOKENS tokens with one panel. */
  static void multiply_panel(const WeightShape& shape, const uint8_t* packed, const float* activations, int64_t tokens,
                             Totals& totals) {
    const size_t stride = token_stride(shape.columns);
    alignas(64) float widened[FLOAT_STRETCH * PANEL_ROWS];
    totals.clear(tokens);
    for (int64_t column = 0; column < shape.columns; column += FLOAT_STRETCH) {
      const int64_t columns = smaller(FLOAT_STRETCH, shape.columns - column);
      widen_stretch(shape.type, packed + column * PANEL_ROWS * 2, columns, widened);
      for (int64_t token = 0; token < tokens; token += FLOAT_TOKENS)
        multiply_float_step<FLOAT_TOKENS>(tokens - token, widened, columns,
                                          activations + static_cast<size_t>(token) * stride + column, stride,
                                          totals.values + token);
    }
  }

  static void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
                       const Products& products, int64_t first, int64_t last) {
    const size_t stride = token_stride(shape.columns);
    Totals totals;
    int64_t count = 0;
    for (int64_t token = 0; token < tokens; token += count) {
      count = next_tokens(tokens - token, stride * sizeof(float));
      const float* values = reinterpret_cast<const float*>(activations) + static_cast<size_t>(token) * stride;
      for (int64_t panel = first; panel < last; ++panel) {
        multiply_panel(shape, weights + static_cast<size_t>(panel) * panel_bytes(shape), values, count, totals);
        totals.copy_to(products, token, count, panel * PANEL_ROWS, shape.rows);
      }
    }
  }
};

}  // namespace

}  // namespace starling::prefill
