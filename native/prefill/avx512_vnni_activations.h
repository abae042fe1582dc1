#pragma once

#include <immintrin.h>

#include <cstring>

#include "prefill/avx512_vnni_panel.h"

/** Activations of avx512_vnni_gemm.cpp. In an anonymous namespace, as avx512_vnni_panel.h. */
namespace starling::prefill {

namespace {

/** Activations are rounded to 8 bits with a scale for each group of 32 columns. */
struct ActivationGroup {
  int8_t values[GROUP_COLUMNS];
  /** What one unit of `values` is worth; NaN if an activation is not finite. */
  float scale;
  /** With minima: the float sum of `values`. With halves: where sums of the second half start. */
  int32_t extra;
  /** Where integer sums start, see FLOAT_ZERO. */
  int32_t start;
};

/**
 * The bits of 1.5 * 2^23, the middle of the floats that are 1 apart: an integer below 2^22 that was added to these bits
 * can be read as the float 1.5 * 2^23 + integer. That saves a conversion: fma(f, scale, -1.5 * 2^23 * scale) is
 * scale * integer, rounded once, because the scales of all types have at most 19 significant bits.
 */
constexpr int32_t FLOAT_ZERO = 0x4B400000;
constexpr float FLOAT_ZERO_VALUE = 12582912.0F;

/** Groups that are rounded at once. */
constexpr int64_t BATCH = 4;

/** As integers, because float maxima skip NaN, whose bits are larger than all others. */
struct Largest {
  __m512i operator()(__m512i a, __m512i b) const { return _mm512_max_epi32(a, b); }
  __m256i operator()(__m256i a, __m256i b) const { return _mm256_max_epi32(a, b); }
  __m128i operator()(__m128i a, __m128i b) const { return _mm_max_epi32(a, b); }
};

struct Sum {
  __m512i operator()(__m512i a, __m512i b) const { return _mm512_add_epi32(a, b); }
  __m256i operator()(__m256i a, __m256i b) const { return _mm256_add_epi32(a, b); }
  __m128i operator()(__m128i a, __m128i b) const { return _mm_add_epi32(a, b); }
};

/** All elements of each of four vectors combined, side by side. */
template <typename Combine>
inline __attribute__((always_inline)) __m128i combine_elements(const __m512i (&vectors)[BATCH], Combine combine) {
  const __m512i first =
      combine(_mm512_unpacklo_epi32(vectors[0], vectors[1]), _mm512_unpackhi_epi32(vectors[0], vectors[1]));
  const __m512i second =
      combine(_mm512_unpacklo_epi32(vectors[2], vectors[3]), _mm512_unpackhi_epi32(vectors[2], vectors[3]));
  const __m512i all = combine(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));
  const __m256i half = combine(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return combine(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/** The values of a few groups: 16 columns, then 16 more. */
struct Batch {
  __m512 first[BATCH];
  __m512 second[BATCH];
};

/** The largest magnitude of each group, whose bits are above the infinity's if one is NaN. */
inline __attribute__((always_inline)) __m128 limits_of(const Batch& batch) {
  __m512i bits[BATCH];
  for (int64_t i = 0; i < BATCH; ++i)
    bits[i] = _mm512_max_epi32(_mm512_castps_si512(_mm512_abs_ps(batch.first[i])),
                               _mm512_castps_si512(_mm512_abs_ps(batch.second[i])));
  return _mm_castsi128_ps(combine_elements(bits, Largest{}));
}

/** Multiplies groups whose limit is so small that 127 / limit would be infinite. */
inline __attribute__((always_inline)) void enlarge_tiny(Batch& batch, __m128& limits) {
  const __m128 tiny = _mm_cmplt_ps(limits, _mm_set1_ps(0x1p-64F));
  if (_mm_movemask_ps(tiny) == 0) return;
  alignas(16) float factors[BATCH];
  const __m128 factor = _mm_blendv_ps(_mm_set1_ps(1), _mm_set1_ps(0x1p64F), tiny);
  _mm_store_ps(factors, factor);
  limits = _mm_mul_ps(limits, factor);
  for (int64_t i = 0; i < BATCH; ++i) {
    batch.first[i] = _mm512_mul_ps(batch.first[i], _mm512_set1_ps(factors[i]));
    batch.second[i] = _mm512_mul_ps(batch.second[i], _mm512_set1_ps(factors[i]));
  }
}

/** The scales; NaN for groups with a NaN or an infinity, whose values then do not matter. */
inline __attribute__((always_inline)) __m128 scales_from(__m128 limits) {
  const __m128 finite = _mm_cmple_ps(limits, _mm_set1_ps(0x1.fffffep127F));
  return _mm_blendv_ps(_mm_castsi128_ps(_mm_set1_epi32(0x7FC00000)), _mm_div_ps(limits, _mm_set1_ps(127)), finite);
}

/** Integers to multiply with, as FLOAT_ZERO minus what VALUE_OFFSET adds to each of them. */
inline __attribute__((always_inline)) __m128i starts_from(__m128i sums) {
  static_assert(VALUE_OFFSET == 1 << 7, "a shift instead of a product");
  return _mm_sub_epi32(_mm_set1_epi32(FLOAT_ZERO), _mm_slli_epi32(sums, 7));
}

/** Rounds at most BATCH groups. */
template <Scales SCALES>
void round_groups(const float* values, int64_t count, ActivationGroup* groups) {
  Batch batch;
  for (int64_t i = 0; i < BATCH; ++i) {
    batch.first[i] = i < count ? _mm512_loadu_ps(values + i * GROUP_COLUMNS) : _mm512_setzero_ps();
    batch.second[i] = i < count ? _mm512_loadu_ps(values + i * GROUP_COLUMNS + 16) : _mm512_setzero_ps();
  }
  __m128 limits = limits_of(batch);
  alignas(16) float scales[BATCH];
  alignas(16) float factors[BATCH];
  _mm_store_ps(scales, scales_from(limits));
  enlarge_tiny(batch, limits);
  _mm_store_ps(factors, _mm_and_ps(_mm_div_ps(_mm_set1_ps(127), limits), _mm_cmpgt_ps(limits, _mm_setzero_ps())));

  __m512i first[BATCH];
  __m512i second[BATCH];
  for (int64_t i = 0; i < BATCH; ++i) {
    first[i] = _mm512_cvtps_epi32(_mm512_mul_ps(batch.first[i], _mm512_set1_ps(factors[i])));
    second[i] = _mm512_cvtps_epi32(_mm512_mul_ps(batch.second[i], _mm512_set1_ps(factors[i])));
    if (i < count) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(groups[i].values), _mm512_cvtsepi32_epi8(first[i]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(groups[i].values + 16), _mm512_cvtsepi32_epi8(second[i]));
    }
    if constexpr (SCALES != Scales::HALVES) first[i] = _mm512_add_epi32(first[i], second[i]);
  }
  const __m128i sums = combine_elements(first, Sum{});
  alignas(16) int32_t starts[BATCH];
  alignas(16) int32_t extras[BATCH];
  __m128i start = starts_from(sums);
  __m128i extra = _mm_setzero_si128();
  if constexpr (SCALES == Scales::MINIMA) {
    start = _mm_set1_epi32(FLOAT_ZERO);
    extra = _mm_castps_si128(_mm_cvtepi32_ps(sums));
  }
  if constexpr (SCALES == Scales::HALVES) extra = starts_from(combine_elements(second, Sum{}));
  _mm_store_si128(reinterpret_cast<__m128i*>(starts), start);
  _mm_store_si128(reinterpret_cast<__m128i*>(extras), extra);
  for (int64_t i = 0; i < count; ++i) {
    groups[i].scale = scales[i];
    groups[i].extra = extras[i];
    groups[i].start = starts[i];
  }
}

/** Rounds at most BATCH groups, and what rounding left of them. */
inline void round_parts(const float* values, int64_t count, ActivationGroup* groups, ActivationGroup* rests) {
  round_groups<Scales::OFFSET>(values, count, groups);
  alignas(64) float rest[BATCH * GROUP_COLUMNS];
  for (int64_t i = 0; i < count; ++i) {
    const __m512 scale = _mm512_set1_ps(groups[i].scale);
    for (int64_t half = 0; half < 2; ++half) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(groups[i].values + half * 16));
      const __m512 rounded = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
      const __m512 own = _mm512_loadu_ps(values + i * GROUP_COLUMNS + half * 16);
      _mm512_store_ps(rest + i * GROUP_COLUMNS + half * 16, _mm512_fnmadd_ps(rounded, scale, own));
    }
  }
  round_groups<Scales::OFFSET>(rest, count, rests);
}

}  // namespace

}  // namespace starling::prefill
