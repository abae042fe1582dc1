#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "prefill/avx2_format.h"

/** Rounds activations to integers for avx2_quantised.h. */
namespace starling::prefill {

namespace {

/** The largest magnitude of `count` values, as bits: a NaN is larger than infinity, which is larger than the rest. */
int32_t largest_magnitude(const float* values, int64_t count) {
  const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
  __m256i largest = _mm256_setzero_si256();
  for (int64_t i = 0; i < count; i += 8) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + i));
    largest = _mm256_max_epi32(largest, _mm256_and_si256(bits, magnitude));
  }
  __m128i half = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0x4E));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0xB1));
  return _mm_cvtsi128_si32(half);
}

/** How a span is rounded: integer = value * inverse, value = integer * scale. */
struct Rounding {
  float scale;
  float inverse;
};

Rounding rounding_of(int32_t magnitude_bits, float largest_integer) {
  constexpr int32_t INFINITE = 0x7F800000;
  // 2^-112: below it the inverse would overflow. Such activations count as zeros.
  constexpr int32_t TINY = (127 - 112) << 23;
  float magnitude = 0;
  std::memcpy(&magnitude, &magnitude_bits, sizeof magnitude);
  // Infinity or NaN: NaN times any sum of products is NaN.
  if (magnitude_bits >= INFINITE) return {magnitude - magnitude, 0};
  if (magnitude_bits < TINY) return {0, 0};
  return {magnitude / largest_integer, largest_integer / magnitude};
}

/** Eight values as integers; a span with a NaN or infinity has zeros, as cvtps would make the lowest integer of it. */
__m256i round_values(const float* values, float inverse) {
  if (inverse == 0) return _mm256_setzero_si256();
  return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(values), _mm256_set1_ps(inverse)));
}

[[maybe_unused]] __m256i round_to_16_bits(const float* values, float inverse) {
  const __m256i packed = _mm256_packs_epi32(round_values(values, inverse), round_values(values + 8, inverse));
  return _mm256_permute4x64_epi64(packed, 0xD8);
}

/** 32 values, a byte each. */
__m256i round_to_8_bits(const float* values, float inverse) {
  const __m256i low = _mm256_packs_epi32(round_values(values, inverse), round_values(values + 8, inverse));
  const __m256i high = _mm256_packs_epi32(round_values(values + 16, inverse), round_values(values + 24, inverse));
  const __m256i mixed = _mm256_packs_epi16(low, high);
  return _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/** Sums over 16 or 32 integers: of the first two and of the last two of every four. */
struct PairSums {
  int16_t first;
  int16_t last;
};

PairSums pair_sums(__m128i a, __m128i b) {
  const __m128i ones = _mm_set1_epi8(1);
  __m128i sums = _mm_add_epi16(_mm_maddubs_epi16(ones, a), _mm_maddubs_epi16(ones, b));
  sums = _mm_add_epi16(sums, _mm_srli_si128(sums, 8));
  sums = _mm_add_epi16(sums, _mm_srli_si128(sums, 4));
  return {static_cast<int16_t>(_mm_extract_epi16(sums, 0)), static_cast<int16_t>(_mm_extract_epi16(sums, 1))};
}

/**
 * What a group's sum of products needs to know of its activations: with an offset, where it starts; with minima, the
 * sum of the integers.
 */
template <class F, class Dot>
void pack_group(PairSums sums, uint8_t* group) {
  if constexpr (F::OFFSET != 0) {
    const int32_t start = Dot::start(sums, F::OFFSET);
    std::memcpy(group, &start, sizeof start);
  } else if constexpr (F::MINIMA) {
    const float sum = static_cast<float>(sums.first + sums.last);
    std::memcpy(group, &sum, sizeof sum);
  }
}

/** Integers and groups of one chunk. */
template <class F, class Dot>
void pack_chunk_of_token(const float* values, float inverse, uint8_t* integers, uint8_t* groups) {
  if constexpr (F::VALUE_BYTES == 2) {
    store(integers, round_to_16_bits(values, inverse));
    store(integers + 32, round_to_16_bits(values + 16, inverse));
  } else {
    const __m256i rounded = round_to_8_bits(values, inverse);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(integers), rounded);
    const __m128i low = _mm256_castsi256_si128(rounded);
    const __m128i high = _mm256_extracti128_si256(rounded, 1);
    if constexpr (F::CHUNK_GROUPS == 1) {
      pack_group<F, Dot>(pair_sums(low, high), groups);
    } else {
      pack_group<F, Dot>(pair_sums(low, _mm_setzero_si128()), groups);
      pack_group<F, Dot>(pair_sums(high, _mm_setzero_si128()), groups + 4);
    }
  }
}

template <class F, class Dot>
void pack_token(const float* values, int64_t columns, uint8_t* packed) {
  constexpr float LARGEST = F::VALUE_BYTES == 2 ? 32767 : 127;
  const TokenLayout<F> layout(columns);
  for (int64_t at = 0; at < columns; at += F::SPAN_COLUMNS) {
    const Rounding rounding = rounding_of(largest_magnitude(values + at, F::SPAN_COLUMNS), LARGEST);
    std::memcpy(packed + layout.scales + at / F::SPAN_COLUMNS * 4, &rounding.scale, 4);
    for (int64_t i = at; i < at + F::SPAN_COLUMNS; i += CHUNK)
      pack_chunk_of_token<F, Dot>(values + i, rounding.inverse, packed + i * F::VALUE_BYTES,
                                  packed + layout.groups + i / F::GROUP_COLUMNS * 4);
  }
}

}  // namespace

}  // namespace starling::prefill
