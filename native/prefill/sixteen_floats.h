#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(STARLING_EMULATED_TILES)
#include "prefill/decode_weights.h"
#else
#include <immintrin.h>
#endif

/**
 * What amx_tile_formats.h computes with: 16 floats, or 16 words of 32 bits, in one AVX-512 register. Emulated, the same
 * bits in plain C++.
 */
namespace starling::prefill {
namespace {

#if defined(STARLING_EMULATED_TILES)

struct Floats {
  float lane[16];
};

struct Words {
  uint32_t lane[16];
};

inline Words load_words(const uint8_t* from) {
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

inline Floats load_floats(const float* from) {
  Floats floats;
  std::memcpy(&floats, from, sizeof floats);
  return floats;
}

inline Floats load_halves(const uint8_t* from) {
  Floats floats;
  decode_floats(WeightType::F16, from, 16, floats.lane);
  return floats;
}

inline Floats load_bfloat16(const uint8_t* from) {
  Floats floats;
  decode_floats(WeightType::BF16, from, 16, floats.lane);
  return floats;
}

template <int Bits, int Position>
inline Floats one_and_field(Words words) {
  constexpr int SHIFT = 23 - Bits - Bits * Position;
  Floats floats;
  for (int i = 0; i < 16; ++i) {
    const uint32_t shifted = SHIFT > 0 ? words.lane[i] << (SHIFT & 31) : words.lane[i] >> (-SHIFT & 31);
    words.lane[i] = (shifted & ((1U << Bits) - 1) << (23 - Bits)) | 0x3F800000U;
  }
  std::memcpy(&floats, &words, sizeof floats);
  return floats;
}

inline Floats twice_each(Floats floats, int first) {
  Floats twice;
  for (int i = 0; i < 16; ++i) twice.lane[i] = floats.lane[first + i / 2];
  return twice;
}
inline Floats low_half_twice(Floats floats) { return twice_each(floats, 0); }
inline Floats high_half_twice(Floats floats) { return twice_each(floats, 8); }

inline Floats multiply(Floats a, float factor) {
  for (float& lane : a.lane) lane *= factor;
  return a;
}

inline Floats subtract(Floats a, Floats b) {
  for (int i = 0; i < 16; ++i) a.lane[i] -= b.lane[i];
  return a;
}

inline Floats multiply_subtract(Floats a, Floats b, Floats c) {
  for (int i = 0; i < 16; ++i) a.lane[i] = __builtin_fmaf(a.lane[i], b.lane[i], -c.lane[i]);
  return a;
}

/** As VCVTNE2PS2BF16: to nearest even, subnormal numbers to zero, every NaN quiet. */
inline uint16_t bfloat16_bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<uint16_t>(bits >> 16 | 0x40U);
  if ((bits & 0x7F800000U) == 0) return static_cast<uint16_t>(bits >> 16 & 0x8000U);
  return static_cast<uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

inline void store_bfloat16(uint8_t* to, Floats first, Floats second) {
  uint16_t rounded[32];
  for (int i = 0; i < 16; ++i) {
    rounded[i] = bfloat16_bits(first.lane[i]);
    rounded[16 + i] = bfloat16_bits(second.lane[i]);
  }
  std::memcpy(to, rounded, sizeof rounded);
}

#else

using Floats = __m512;
using Words = __m512i;

inline Words load_words(const uint8_t* from) { return _mm512_loadu_si512(from); }

inline Floats load_floats(const float* from) { return _mm512_loadu_ps(from); }

/** 16 numbers in float16. */
inline Floats load_halves(const uint8_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

inline Floats load_bfloat16(const uint8_t* from) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

/** 1 + field / 2^Bits for a field of so many bits, the first in the lowest: it becomes the top of a mantissa. */
template <int Bits, int Position>
inline Floats one_and_field(Words words) {
  constexpr int SHIFT = 23 - Bits - Bits * Position;
  constexpr int AND_THEN_OR = 0xEA;
  const __m512i mask = _mm512_set1_epi32(((1 << Bits) - 1) << (23 - Bits));
  const __m512i one = _mm512_set1_epi32(0x3F800000);
  const __m512i shifted =
      SHIFT > 0 ? _mm512_slli_epi32(words, SHIFT > 0 ? SHIFT : 0) : _mm512_srli_epi32(words, SHIFT > 0 ? 0 : -SHIFT);
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(shifted, mask, one, AND_THEN_OR));
}

/** Floats 0 to 7, each of them twice. */
inline Floats low_half_twice(Floats floats) {
  return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), floats);
}

/** Floats 8 to 15, each of them twice. */
inline Floats high_half_twice(Floats floats) {
  return _mm512_permutexvar_ps(_mm512_setr_epi32(8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15), floats);
}

inline Floats multiply(Floats a, float factor) { return _mm512_mul_ps(a, _mm512_set1_ps(factor)); }

inline Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }

/** a * b - c, rounded once. */
inline Floats multiply_subtract(Floats a, Floats b, Floats c) { return _mm512_fmsub_ps(a, b, c); }

/** 32 numbers, rounded to nearest even; subnormal numbers become zero. */
inline void store_bfloat16(uint8_t* to, Floats first, Floats second) {
  const __m512bh rounded = _mm512_cvtne2ps_pbh(second, first);
  std::memcpy(to, &rounded, sizeof rounded);
}

#endif

/** 32 numbers as sums of two bfloat16 each, which together have 16 bits and a sign more than one. */
inline void store_in_two(uint8_t* high, uint8_t* low, Floats first, Floats second) {
  store_bfloat16(high, first, second);
  store_bfloat16(low, subtract(first, load_bfloat16(high)), subtract(second, load_bfloat16(high + 32)));
}

}  // namespace
}  // namespace starling::prefill
