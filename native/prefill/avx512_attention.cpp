#include <immintrin.h>

#include "prefill/attention_loops.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** Four 128-bit lanes, lane l from cell 4 * l + `first`. */
__m512i four_cells(const uint8_t* const* cells, int first, int64_t offset) {
  const auto part = [=](int lane) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(cells[4 * lane + first] + offset));
  };
  const __m512i one = _mm512_castsi128_si512(part(0));
  const __m512i two = _mm512_inserti32x4(one, part(1), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(two, part(2), 2), part(3), 3);
}

struct Avx512Lanes {
  using Vector = __m512;
  static constexpr int64_t COUNT = 16;
  /** With six rows, 24 of 32 registers hold sums. */
  static constexpr int SCORE_VECTORS = 4;
  static constexpr int VALUE_VECTORS = 4;

  static Vector all(float value) { return _mm512_set1_ps(value); }
  static Vector load(const float* values) { return _mm512_loadu_ps(values); }
  static void store(float* values, Vector vector) { _mm512_storeu_ps(values, vector); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector greater(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static float greatest(Vector vector) { return _mm512_reduce_max_ps(vector); }
  static float total(Vector vector) { return _mm512_reduce_add_ps(vector); }

  static Vector of_halves(const uint8_t* halves) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
  }

  /** The lanes whose bits are set; -infinity in the others. */
  static Vector only(uint64_t bits, Vector vector) {
    return _mm512_mask_mov_ps(_mm512_set1_ps(-__builtin_inff()), static_cast<__mmask16>(bits), vector);
  }

  /** A bit for each of 64 halves of a mask that is not -infinity. */
  static uint64_t attended(const uint8_t* mask) {
    const __m512i masked = _mm512_set1_epi16(static_cast<int16_t>(0xFC00U));
    const uint64_t low = _mm512_cmpneq_epi16_mask(_mm512_loadu_si512(mask), masked);
    const uint64_t high = _mm512_cmpneq_epi16_mask(_mm512_loadu_si512(mask + 64), masked);
    return low | high << 32;
  }

  /** For powers up to 0: within 1 unit of the last place, exact for 0, and 0 where it would not be a normal number. */
  static Vector power_of_two(Vector power) {
    const __mmask16 normal = _mm512_cmp_ps_mask(power, _mm512_set1_ps(-126), _CMP_NLT_UQ);
    const __m512 whole = _mm512_roundscale_ps(power, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 rest = _mm512_sub_ps(power, whole);
    __m512 value = _mm512_set1_ps(POWER_OF_TWO[5]);
#pragma GCC unroll 8
    for (int i = 4; i >= 0; --i) value = _mm512_fmadd_ps(value, rest, _mm512_set1_ps(POWER_OF_TWO[i]));
    return _mm512_maskz_scalef_ps(normal, _mm512_fmadd_ps(value, rest, _mm512_set1_ps(1)), whole);
  }

  /** Transposes the keys of 16 cells, to 16 floats every BLOCK. */
  static void transpose_floats(const uint8_t* const* cells, int64_t head_length, float* keys) {
    for (int64_t at = 0; at < head_length; at += 4) {
      const __m512 a = _mm512_castsi512_ps(four_cells(cells, 0, 4 * at));
      const __m512 b = _mm512_castsi512_ps(four_cells(cells, 1, 4 * at));
      const __m512 c = _mm512_castsi512_ps(four_cells(cells, 2, 4 * at));
      const __m512 d = _mm512_castsi512_ps(four_cells(cells, 3, 4 * at));
      const __m512d ab_low = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
      const __m512d ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
      const __m512d cd_low = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
      const __m512d cd_high = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
      float* to = keys + at * BLOCK;
      store(to, _mm512_castpd_ps(_mm512_unpacklo_pd(ab_low, cd_low)));
      store(to + BLOCK, _mm512_castpd_ps(_mm512_unpackhi_pd(ab_low, cd_low)));
      store(to + 2 * BLOCK, _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high)));
      store(to + 3 * BLOCK, _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high)));
    }
  }

  /** The same of halves. */
  static void transpose_halves(const uint8_t* const* cells, int64_t head_length, float* keys) {
    for (int64_t at = 0; at < head_length; at += 8) {
      const __m512i a = four_cells(cells, 0, 2 * at);
      const __m512i b = four_cells(cells, 1, 2 * at);
      const __m512i c = four_cells(cells, 2, 2 * at);
      const __m512i d = four_cells(cells, 3, 2 * at);
      const __m512i ab_low = _mm512_unpacklo_epi16(a, b);
      const __m512i ab_high = _mm512_unpackhi_epi16(a, b);
      const __m512i cd_low = _mm512_unpacklo_epi16(c, d);
      const __m512i cd_high = _mm512_unpackhi_epi16(c, d);
      float* to = keys + at * BLOCK;
      store_pair(to, _mm512_unpacklo_epi32(ab_low, cd_low));
      store_pair(to + 2 * BLOCK, _mm512_unpackhi_epi32(ab_low, cd_low));
      store_pair(to + 4 * BLOCK, _mm512_unpacklo_epi32(ab_high, cd_high));
      store_pair(to + 6 * BLOCK, _mm512_unpackhi_epi32(ab_high, cd_high));
    }
  }

 private:
  /** Each 128-bit lane has an element of four keys, then the next element of the same keys. */
  static void store_pair(float* to, __m512i lanes) {
    const __m512i sorted = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), lanes);
    store(to, _mm512_cvtph_ps(_mm512_castsi512_si256(sorted)));
    store(to + BLOCK, _mm512_cvtph_ps(_mm512_extracti64x4_epi64(sorted, 1)));
  }
};

}  // namespace

const AttentionKernel avx512_attention = attention_kernel<Avx512Lanes>("avx512");

}  // namespace starling::prefill
