#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "prefill/avx2_format.h"
#include "prefill/decode_weights.h"

/** Packs quantised weights for avx2_quantised.h, and expands a stretch of a panel to multiply it. */
namespace starling::prefill {

namespace {

/** Up to 256 columns of all rows of a panel. Rows that the matrix lacks stay zero. */
struct DecodedPanel {
  static constexpr int64_t COLUMNS = 256;
  int8_t values[PANEL_ROWS][COLUMNS];
  float scales[PANEL_ROWS][COLUMNS / GROUP];
  float minima[PANEL_ROWS][COLUMNS / GROUP];
};

/** The integers of a chunk in the order of registers, a byte each. */
template <class F>
void arrange_chunk(const DecodedPanel& decoded, int64_t first, uint8_t* arranged) {
  for (int64_t row = 0; row < PANEL_ROWS; ++row)
    for (int64_t step = 0; step < CHUNK / F::STEP_COLUMNS; ++step)
      std::memcpy(arranged + (step * PANEL_ROWS + row) * F::STEP_COLUMNS,
                  &decoded.values[row][first + step * F::STEP_COLUMNS], F::STEP_COLUMNS);
}

/** Joins the low halves of two registers' bytes, and the high bits of as many registers as a byte has room for. */
template <class F>
void compress_chunk(const uint8_t* arranged, uint8_t* packed) {
  constexpr int PARTS = CHUNK * PANEL_ROWS / 32;
  __m256i parts[PARTS];
  for (int part = 0; part < PARTS; ++part)
    parts[part] = _mm256_add_epi8(load(arranged + part * 32), _mm256_set1_epi8(static_cast<char>(F::OFFSET)));
  if constexpr (F::BITS == 8) {
    for (int part = 0; part < PARTS; ++part) store(packed + part * 32, parts[part]);
  } else {
    const __m256i low_mask = _mm256_set1_epi8(15);
    for (int part = 0; part < PARTS; part += 2) {
      const __m256i first = _mm256_and_si256(parts[part], low_mask);
      const __m256i second = _mm256_and_si256(parts[part + 1], low_mask);
      store(packed + part * 16, _mm256_or_si256(first, _mm256_slli_epi16(second, 4)));
    }
    constexpr int HIGH_BITS = F::BITS - 4;
    constexpr int SHARING = HIGH_BITS > 0 ? 8 / HIGH_BITS : PARTS;
    for (int part = 0; HIGH_BITS > 0 && part < PARTS; part += SHARING) {
      __m256i shared = _mm256_setzero_si256();
      for (int i = 0; i < SHARING; ++i) {
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(parts[part + i], 4), low_mask);
        shared = _mm256_or_si256(shared, _mm256_slli_epi16(high, i * HIGH_BITS));
      }
      store(packed + PARTS * 16 + part / SHARING * 32, shared);
    }
  }
}

template <class F>
void pack_chunk(const DecodedPanel& decoded, int64_t first, uint8_t* packed) {
  alignas(32) uint8_t arranged[CHUNK * PANEL_ROWS];
  arrange_chunk<F>(decoded, first, arranged);
  compress_chunk<F>(arranged, packed);
  uint8_t* out = packed + F::INTEGER_BYTES;
  for (int64_t group = 0; group < F::CHUNK_GROUPS; ++group)
    for (int64_t row = 0; row < PANEL_ROWS; ++row, out += 4)
      std::memcpy(out, &decoded.scales[row][(first + group * F::GROUP_COLUMNS) / GROUP], 4);
  if constexpr (F::MINIMA) {
    for (int64_t row = 0; row < PANEL_ROWS; ++row, out += 4) std::memcpy(out, &decoded.minima[row][first / GROUP], 4);
  }
}

template <class F>
void pack_panel(const WeightShape& shape, const uint8_t* weights, int64_t first_row, uint8_t* packed) {
  const int64_t rows = smaller(PANEL_ROWS, shape.rows - first_row);
  const size_t stride = row_bytes(shape.type, shape.columns);
  DecodedPanel decoded;
  std::memset(&decoded, 0, sizeof decoded);
  for (int64_t at = 0; at < shape.columns; at += DecodedPanel::COLUMNS) {
    const int64_t columns = smaller(DecodedPanel::COLUMNS, shape.columns - at);
    for (int64_t row = 0; row < rows; ++row) {
      const uint8_t* source = weights + static_cast<size_t>(first_row + row) * stride + row_bytes(shape.type, at);
      decode_row(shape.type, source, columns, {decoded.values[row], decoded.scales[row], decoded.minima[row]});
    }
    for (int64_t chunk = 0; chunk < columns; chunk += CHUNK, packed += F::CHUNK_BYTES)
      pack_chunk<F>(decoded, chunk, packed);
  }
}

/** Bits `from` and up of every byte, moved to bit 4 and up. */
__m256i high_bits(__m256i packed, int from, __m256i mask) {
  const __m256i moved = from < 4 ? _mm256_slli_epi16(packed, 4 - from) : _mm256_srli_epi16(packed, from - 4);
  return _mm256_and_si256(moved, mask);
}

template <class F>
void expand_integers(const uint8_t* packed, uint8_t* integers) {
  constexpr int PARTS = CHUNK * PANEL_ROWS / 32;
  if constexpr (F::VALUE_BYTES == 2) {
    for (int part = 0; part < 2 * PARTS; ++part) {
      const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(packed + part * 16));
      store(integers + part * 32, _mm256_cvtepi8_epi16(bytes));
    }
  } else if constexpr (F::BITS == 8) {
    std::memcpy(integers, packed, F::INTEGER_BYTES);
  } else {
    constexpr int HIGH_BITS = F::BITS - 4;
    const __m256i low_mask = _mm256_set1_epi8(15);
    const __m256i high_mask = _mm256_set1_epi8(((1 << HIGH_BITS) - 1) << 4);
    const uint8_t* high = packed + PARTS * 16;
#pragma GCC unroll 16
    for (int part = 0; part < PARTS; ++part) {
      const __m256i pair = load(packed + part / 2 * 32);
      __m256i value = _mm256_and_si256(part % 2 == 0 ? pair : _mm256_srli_epi16(pair, 4), low_mask);
      if constexpr (HIGH_BITS > 0) {
        constexpr int SHARING = 8 / HIGH_BITS;
        const __m256i shared = load(high + part / SHARING * 32);
        value = _mm256_or_si256(value, high_bits(shared, part % SHARING * HIGH_BITS, high_mask));
      }
      store(integers + part * 32, value);
    }
  }
}

/** @param columns a multiple of CHUNK */
template <class F>
void expand(const uint8_t* packed, int64_t columns, Expanded& expanded) {
  constexpr int64_t EXPANDED_BYTES = CHUNK * PANEL_ROWS * F::VALUE_BYTES;
  constexpr int64_t SCALES = F::CHUNK_GROUPS * PANEL_ROWS;
  for (int64_t chunk = 0; chunk < columns / CHUNK; ++chunk, packed += F::CHUNK_BYTES) {
    expand_integers<F>(packed, expanded.integers + chunk * EXPANDED_BYTES);
    std::memcpy(expanded.scales + chunk * SCALES, packed + F::INTEGER_BYTES, SCALES * 4);
    if constexpr (F::MINIMA)
      std::memcpy(expanded.minima + chunk * PANEL_ROWS, packed + F::INTEGER_BYTES + SCALES * 4, PANEL_ROWS * 4);
  }
}

}  // namespace

}  // namespace starling::prefill
