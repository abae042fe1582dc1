#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "prefill/avx2_activations.h"
#include "prefill/avx2_format.h"
#include "prefill/avx2_weights.h"
#include "prefill/gemm.h"

/** The functions of a GemmKernel for quantised weights; avx2_format.h explains how they work. */
namespace starling::prefill {

namespace {

/** A token's sums of the 16 rows of a panel. */
using Sums = __m256[2];

/** Adds one group's products, times the scales of the weights and without those of the activations. */
template <class F, int TOKENS>
void add_group(const __m256i (&dots)[TOKENS][2], const float* scales, const float* minima, const Tokens& tokens,
               Sums (&sums)[TOKENS]) {
#pragma GCC unroll 8
  for (int token = 0; token < TOKENS; ++token) {
    for (int half = 0; half < 2; ++half) {
      const __m256 scale = _mm256_load_ps(scales + half * 8);
      const __m256 dot = _mm256_cvtepi32_ps(dots[token][half]);
      __m256& sum = sums[token][half];
      sum = F::SPAN_GROUPS == 1 ? _mm256_mul_ps(dot, scale) : _mm256_fmadd_ps(dot, scale, sum);
      if constexpr (F::MINIMA) {
        const __m256 values = broadcast_float(tokens.groups + token * tokens.stride);
        sum = _mm256_fnmadd_ps(_mm256_load_ps(minima + half * 8), values, sum);
      }
    }
  }
}

/** Adds the products of a stretch of columns to `totals`. */
template <class F, class Dot, int TOKENS>
void multiply_stretch(const Expanded& panel, int64_t columns, const Tokens& tokens, Sums (&totals)[TOKENS]) {
  constexpr int64_t GROUP_BYTES = F::GROUP_COLUMNS * PANEL_ROWS * F::VALUE_BYTES;
  const uint8_t* integers = panel.integers;
  const float* scales = panel.scales;
  const float* minima = panel.minima;
  Tokens at = tokens;
  for (int64_t span = 0; span < columns / F::SPAN_COLUMNS; ++span, at.scales += 4) {
    Sums sums[TOKENS];
    for (Sums& sum : sums) sum[0] = sum[1] = _mm256_setzero_ps();
    for (int group = 0; group < F::SPAN_GROUPS; ++group) {
      __m256i dots[TOKENS][2];
      Dot::template group<F, TOKENS>(integers, at, dots);
      add_group<F, TOKENS>(dots, scales, minima, at, sums);
      integers += GROUP_BYTES;
      scales += PANEL_ROWS;
      minima += PANEL_ROWS;
      at.integers += F::GROUP_COLUMNS * F::VALUE_BYTES;
      at.groups += 4;
    }
    for (int token = 0; token < TOKENS; ++token) {
      const __m256 scale = broadcast_float(at.scales + token * at.stride);
      for (int half = 0; half < 2; ++half)
        totals[token][half] = _mm256_fmadd_ps(sums[token][half], scale, totals[token][half]);
    }
  }
}

template <class F, class Dot, int TOKENS>
void multiply_tokens(const Expanded& panel, int64_t columns, const Tokens& tokens, float (*totals)[PANEL_ROWS]) {
  // A copy of the totals, which can stay in registers.
  Sums sums[TOKENS];
  for (int token = 0; token < TOKENS; ++token)
    for (int half = 0; half < 2; ++half) sums[token][half] = _mm256_load_ps(totals[token] + half * 8);
  multiply_stretch<F, Dot, TOKENS>(panel, columns, tokens, sums);
  for (int token = 0; token < TOKENS; ++token)
    for (int half = 0; half < 2; ++half) _mm256_store_ps(totals[token] + half * 8, sums[token][half]);
}

/** The last tokens, fewer than a full step: the same operations for each of them. */
template <class F, class Dot, int TOKENS>
void multiply_step(int64_t count, const Expanded& panel, int64_t columns, const Tokens& tokens,
                   float (*totals)[PANEL_ROWS]) {
  if constexpr (TOKENS > 0) {
    if (count >= TOKENS)
      multiply_tokens<F, Dot, TOKENS>(panel, columns, tokens, totals);
    else
      multiply_step<F, Dot, TOKENS - 1>(count, panel, columns, tokens, totals);
  }
}

/** Sums of up to MOST_TOKENS tokens with one panel. */
template <class F, class Dot>
void multiply_panel(int64_t columns, const uint8_t* packed, const uint8_t* activations, int64_t tokens,
                    Totals& totals) {
  const TokenLayout<F> layout(columns);
  Expanded expanded;
  totals.clear(tokens);
  for (int64_t first = 0; first < columns; first += F::STRETCH_COLUMNS) {
    const int64_t count = smaller(F::STRETCH_COLUMNS, columns - first);
    expand<F>(packed + first / CHUNK * F::CHUNK_BYTES, count, expanded);
    for (int64_t token = 0; token < tokens; token += Dot::TOKENS) {
      const uint8_t* start = activations + static_cast<size_t>(token) * layout.bytes;
      const Tokens step{start + first * F::VALUE_BYTES, start + layout.scales + first / F::SPAN_COLUMNS * 4,
                        start + layout.groups + first / F::GROUP_COLUMNS * 4, layout.bytes};
      multiply_step<F, Dot, Dot::TOKENS>(tokens - token, expanded, count, step, totals.values + token);
    }
  }
}

/** `Dot` names the format of each type and sums the products of a group. */
template <class Dot>
struct Quantised {
  /** Calls `action` with the format of a quantised type. */
  template <class Action>
  static auto with_format(WeightType type, const Action& action) {
    switch (type) {
      case WeightType::Q4_0:
        return action(FormatQ4_0{});
      case WeightType::Q8_0:
        return action(typename Dot::ForQ8_0{});
      case WeightType::Q5_K:
        return action(FormatQ5_K{});
      case WeightType::Q6_K:
        return action(FormatQ6_K{});
      default:
        return action(FormatQ4_K{});
    }
  }

  static bool takes(const WeightShape& shape) {
    return is_quantised(shape.type) && shape.rows > 0 && shape.columns > 0 &&
           shape.columns % block_length(shape.type) == 0;
  }

  static size_t panel_bytes(const WeightShape& shape) {
    return with_format(shape.type, [&](auto format) {
      return static_cast<size_t>(shape.columns / CHUNK * decltype(format)::CHUNK_BYTES);
    });
  }

  static size_t weight_bytes(const WeightShape& shape) {
    return panel_bytes(shape) * static_cast<size_t>((shape.rows + PANEL_ROWS - 1) / PANEL_ROWS);
  }

  static void pack_weights(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first,
                           int64_t last) {
    const size_t bytes = panel_bytes(shape);
    with_format(shape.type, [&](auto format) {
      for (int64_t panel = first; panel < last; ++panel)
        pack_panel<decltype(format)>(shape, weights, panel * PANEL_ROWS, packed + static_cast<size_t>(panel) * bytes);
    });
  }

  static size_t activation_bytes(WeightType type, int64_t tokens, int64_t columns) {
    return with_format(
        type, [&](auto format) { return static_cast<size_t>(tokens) * TokenLayout<decltype(format)>(columns).bytes; });
  }

  static void pack_activations(WeightType type, const Activations& input, uint8_t* packed, int64_t first,
                               int64_t last) {
    with_format(type, [&](auto format) {
      using F = decltype(format);
      const size_t bytes = TokenLayout<F>(input.columns).bytes;
      for (int64_t token = first; token < last; ++token)
        pack_token<F, Dot>(input.values + static_cast<size_t>(token) * input.stride, input.columns,
                           packed + static_cast<size_t>(token) * bytes);
    });
  }

  static void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
                       const Products& products, int64_t first, int64_t last) {
    const size_t bytes = panel_bytes(shape);
    with_format(shape.type, [&](auto format) {
      using F = decltype(format);
      const size_t token_bytes = TokenLayout<F>(shape.columns).bytes;
      Totals totals;
      int64_t count = 0;
      for (int64_t token = 0; token < tokens; token += count) {
        count = next_tokens(tokens - token, token_bytes);
        const uint8_t* values = activations + static_cast<size_t>(token) * token_bytes;
        for (int64_t panel = first; panel < last; ++panel) {
          multiply_panel<F, Dot>(shape.columns, weights + static_cast<size_t>(panel) * bytes, values, count, totals);
          totals.copy_to(products, token, count, panel * PANEL_ROWS, shape.rows);
        }
      }
    });
  }
};

}  // namespace

}  // namespace starling::prefill
