#include <immintrin.h>

#include "prefill/attention_loops.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** Two 128-bit lanes, lane l from cell 4 * l + `first`. */
__m256i two_cells(const uint8_t* const* cells, int first, int64_t offset) {
  return _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(cells[4 + first] + offset),
                             reinterpret_cast<const __m128i*>(cells[first] + offset));
}

struct Avx2Lanes {
  using Vector = __m256;
  static constexpr int64_t COUNT = 8;
  /** With six rows, 12 of 16 registers hold sums. */
  static constexpr int SCORE_VECTORS = 2;
  static constexpr int VALUE_VECTORS = 2;

  static Vector all(float value) { return _mm256_set1_ps(value); }
  static Vector load(const float* values) { return _mm256_loadu_ps(values); }
  static void store(float* values, Vector vector) { _mm256_storeu_ps(values, vector); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector greater(Vector a, Vector b) { return _mm256_max_ps(a, b); }

  static float greatest(Vector vector) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(vector), _mm256_extractf128_ps(vector, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }

  static float total(Vector vector) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(vector), _mm256_extractf128_ps(vector, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }

  static Vector of_halves(const uint8_t* halves) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
  }

  /** The lanes whose bits are set; -infinity in the others. */
  static Vector only(uint64_t bits, Vector vector) {
    const __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i found = _mm256_and_si256(_mm256_set1_epi32(static_cast<int32_t>(bits & 255)), each);
    const __m256i set = _mm256_cmpeq_epi32(found, each);
    return _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), vector, _mm256_castsi256_ps(set));
  }

  /** A bit for each of 64 halves of a mask that is not -infinity. */
  static uint64_t attended(const uint8_t* mask) {
    return attended_of_32(mask) | static_cast<uint64_t>(attended_of_32(mask + 64)) << 32;
  }

  /** For powers up to 0: within 1 unit of the last place, exact for 0, and 0 where it would not be a normal number. */
  static Vector power_of_two(Vector power) {
    const __m256 normal = _mm256_cmp_ps(power, _mm256_set1_ps(-126), _CMP_NLT_UQ);
    const __m256 whole = _mm256_round_ps(power, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 rest = _mm256_sub_ps(power, whole);
    __m256 value = _mm256_set1_ps(POWER_OF_TWO[5]);
#pragma GCC unroll 8
    for (int i = 4; i >= 0; --i) value = _mm256_fmadd_ps(value, rest, _mm256_set1_ps(POWER_OF_TWO[i]));
    value = _mm256_fmadd_ps(value, rest, _mm256_set1_ps(1));
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(whole), 23);
    const __m256 scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), exponent));
    return _mm256_and_ps(scaled, normal);
  }

  /** Transposes the keys of 8 cells, to 8 floats every BLOCK. */
  static void transpose_floats(const uint8_t* const* cells, int64_t head_length, float* keys) {
    for (int64_t at = 0; at < head_length; at += 4) {
      const __m256 a = _mm256_castsi256_ps(two_cells(cells, 0, 4 * at));
      const __m256 b = _mm256_castsi256_ps(two_cells(cells, 1, 4 * at));
      const __m256 c = _mm256_castsi256_ps(two_cells(cells, 2, 4 * at));
      const __m256 d = _mm256_castsi256_ps(two_cells(cells, 3, 4 * at));
      const __m256d ab_low = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
      const __m256d ab_high = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
      const __m256d cd_low = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
      const __m256d cd_high = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
      float* to = keys + at * BLOCK;
      store(to, _mm256_castpd_ps(_mm256_unpacklo_pd(ab_low, cd_low)));
      store(to + BLOCK, _mm256_castpd_ps(_mm256_unpackhi_pd(ab_low, cd_low)));
      store(to + 2 * BLOCK, _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high)));
      store(to + 3 * BLOCK, _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high)));
    }
  }

  /** The same of halves. */
  static void transpose_halves(const uint8_t* const* cells, int64_t head_length, float* keys) {
    for (int64_t at = 0; at < head_length; at += 8) {
      const __m256i a = two_cells(cells, 0, 2 * at);
      const __m256i b = two_cells(cells, 1, 2 * at);
      const __m256i c = two_cells(cells, 2, 2 * at);
      const __m256i d = two_cells(cells, 3, 2 * at);
      const __m256i ab_low = _mm256_unpacklo_epi16(a, b);
      const __m256i ab_high = _mm256_unpackhi_epi16(a, b);
      const __m256i cd_low = _mm256_unpacklo_epi16(c, d);
      const __m256i cd_high = _mm256_unpackhi_epi16(c, d);
      float* to = keys + at * BLOCK;
      store_pair(to, _mm256_unpacklo_epi32(ab_low, cd_low));
      store_pair(to + 2 * BLOCK, _mm256_unpackhi_epi32(ab_low, cd_low));
      store_pair(to + 4 * BLOCK, _mm256_unpacklo_epi32(ab_high, cd_high));
      store_pair(to + 6 * BLOCK, _mm256_unpackhi_epi32(ab_high, cd_high));
    }
  }

 private:
  /** Each 128-bit lane has an element of four keys, then the next element of the same keys. */
  static void store_pair(float* to, __m256i lanes) {
    const __m256i sorted = _mm256_permute4x64_epi64(lanes, 0xD8);
    store(to, _mm256_cvtph_ps(_mm256_castsi256_si128(sorted)));
    store(to + BLOCK, _mm256_cvtph_ps(_mm256_extracti128_si256(sorted, 1)));
  }

  static uint32_t attended_of_32(const uint8_t* mask) {
    const __m256i masked = _mm256_set1_epi16(static_cast<int16_t>(0xFC00U));
    const __m256i low = _mm256_cmpeq_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(mask)), masked);
    const __m256i high = _mm256_cmpeq_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(mask + 32)), masked);
    // Packing interleaves the 64-bit parts of both.
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xD8);
    return ~static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
  }
};

}  // namespace

const AttentionKernel avx2_attention = attention_kernel<Avx2Lanes>("avx2");

}  // namespace starling::prefill
