#pragma once

#include <immintrin.h>

#include <cstring>

#include "prefill/decode_weights.h"

/**
 * Panels of avx512_vnni_gemm.cpp: 32 rows, as small as in the file, and their expansion to bytes. Everything is in an
 * anonymous namespace, because no other file is compiled for the same processors.
 */
namespace starling::prefill {

namespace {

constexpr int64_t PANEL_ROWS = 32;
/** Columns that share a scale of the activations. */
constexpr int64_t GROUP_COLUMNS = 32;
/** An expanded group: for each four columns uint8[PANEL_ROWS][4]. */
constexpr int64_t GROUP_BYTES = PANEL_ROWS * GROUP_COLUMNS;
/** float[PANEL_ROWS] twice: scales, and negative minima or the scales of the second half. */
constexpr int64_t GROUP_SCALES = 2 * PANEL_ROWS;
constexpr int64_t MAX_COLUMNS = 256;

/**
 * How a group of 32 columns is scaled. Without minima, bytes are values plus VALUE_OFFSET. With parts, activations are
 * what 8 bits hold of them plus what 8 bits hold of the rest, so that they lose nothing beside weights of 8 bits.
 */
enum class Scales { OFFSET, PARTS, MINIMA, HALVES };

/** Rows of packed activations for each token. */
constexpr int parts_of(Scales scales) { return scales == Scales::PARTS ? 2 : 1; }

constexpr int32_t VALUE_OFFSET = 128;

/** A block's columns of all rows of a panel, before they are packed. Rows that the matrix does not have are zeros. */
struct UnpackedBlock {
  /** The bits of values, without a sign: 0 to 15, 31, 63 or 255. */
  alignas(64) uint8_t values[PANEL_ROWS][MAX_COLUMNS];
  /** float16: the scale of the block, and of its minima. */
  uint16_t unit[PANEL_ROWS];
  uint16_t minimum_unit[PANEL_ROWS];
  /** In units, 8 bits. */
  int8_t scales[MAX_COLUMNS / GROUP][PANEL_ROWS];
  int8_t minima[MAX_COLUMNS / GROUP][PANEL_ROWS];
};

/** Four columns of 16 rows. */
__m512i quad_of(const UnpackedBlock& block, int64_t column, int64_t half) {
  const __m512i rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i offsets = _mm512_mullo_epi32(rows, _mm512_set1_epi32(MAX_COLUMNS));
  return _mm512_i32gather_epi32(offsets, block.values[half * 16] + column, 1);
}

__m512i bytes_of(int value) { return _mm512_set1_epi8(static_cast<char>(value)); }

__m512i load(const uint8_t* bytes) { return _mm512_load_si512(bytes); }

void store(uint8_t* bytes, __m512i value) { _mm512_store_si512(bytes, value); }

/** The low four bits of both halves' values in one byte. */
void pack_nibbles(const UnpackedBlock& block, int64_t group, uint8_t* packed) {
  for (int64_t quad = 0; quad < 8; ++quad) {
    const __m512i low = _mm512_and_si512(quad_of(block, group * 32 + quad * 4, 0), bytes_of(15));
    const __m512i high = _mm512_and_si512(quad_of(block, group * 32 + quad * 4, 1), bytes_of(15));
    store(packed + quad * 64, _mm512_or_si512(low, _mm512_slli_epi16(high, 4)));
  }
}

/** BITS bits above the low four of each value: those of 8 / BITS quads in one byte, the first one highest. */
template <int BITS>
void pack_high_bits(const UnpackedBlock& block, int64_t group, uint8_t* packed) {
  constexpr int64_t EACH = 8 / BITS;
  for (int64_t at = 0; at < 16; at += EACH, packed += 64) {
    __m512i bits = _mm512_setzero_si512();
    for (int64_t i = at; i < at + EACH; ++i) {
      const __m512i value = quad_of(block, group * 32 + i / 2 * 4, i % 2);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(value, 4), bytes_of((1 << BITS) - 1));
      bits = _mm512_or_si512(_mm512_slli_epi16(bits, BITS), high);
    }
    store(packed, bits);
  }
}

/** Bytes with nibbles as their bits [LOW, LOW + 4), and other bits from pack_high_bits() above those. */
template <int LOW>
void expand_nibbles(const uint8_t* packed, uint8_t* quads) {
  const __m512i mask = bytes_of(15 << LOW);
  for (int64_t quad = 0; quad < 8; ++quad) {
    const __m512i both = load(packed + quad * 64);
    store(quads + quad * 128, _mm512_and_si512(_mm512_slli_epi16(both, LOW), mask));
    store(quads + quad * 128 + 64, _mm512_and_si512(_mm512_srli_epi16(both, 4 - LOW), mask));
  }
}

template <int BITS>
void expand_with_high_bits(const uint8_t* nibbles, const uint8_t* high, uint8_t* quads) {
  constexpr int LOW = 4 - BITS;
  constexpr int64_t EACH = 8 / BITS;
  // (a & b) | c
  constexpr int AND_OR = 0xEA;
  const __m512i nibble_mask = bytes_of(15 << LOW);
  const __m512i high_mask = bytes_of(0xF0 << LOW);
  __m512i bits = _mm512_setzero_si512();
  for (int64_t quad = 0; quad < 8; ++quad) {
    const __m512i both = load(nibbles + quad * 64);
    const __m512i first = _mm512_and_si512(_mm512_slli_epi16(both, LOW), nibble_mask);
    const __m512i second = _mm512_and_si512(_mm512_srli_epi16(both, 4 - LOW), nibble_mask);
    if (quad * 2 % EACH == 0) bits = load(high + quad * 2 / EACH * 64);
    store(quads + quad * 128, _mm512_ternarylogic_epi32(bits, high_mask, first, AND_OR));
    bits = _mm512_slli_epi16(bits, BITS);
    store(quads + quad * 128 + 64, _mm512_ternarylogic_epi32(bits, high_mask, second, AND_OR));
    bits = _mm512_slli_epi16(bits, BITS);
  }
}

__m512 floats_of_halves(const uint8_t* halves) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(halves)));
}

__m512 floats_of_bytes(const uint8_t* bytes) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes))));
}

/** float16[PANEL_ROWS] to float, times a factor. */
void expand_units(const uint8_t* halves, float factor, float* scales) {
  for (int64_t half = 0; half < 2; ++half)
    _mm512_store_ps(scales + half * 16, _mm512_mul_ps(floats_of_halves(halves + half * 32), _mm512_set1_ps(factor)));
}

/** int8[PANEL_ROWS] to float, times units. */
void expand_scales(const uint8_t* bytes, const float* units, float* scales) {
  for (int64_t half = 0; half < 2; ++half)
    _mm512_store_ps(scales + half * 16,
                    _mm512_mul_ps(floats_of_bytes(bytes + half * 16), _mm512_load_ps(units + half * 16)));
}

/**
 * The blocks of each type: GROUPS groups of 32 columns in BYTES bytes, of which the values are worth the scale times
 * 1 / FACTOR.
 */
struct BlockOfQ8_0 {
  static constexpr int64_t GROUPS = 1;
  static constexpr size_t BYTES = 64 + GROUP_BYTES;
  static constexpr Scales SCALES = Scales::PARTS;

  static void pack(const UnpackedBlock& block, uint8_t* packed) {
    std::memcpy(packed, block.unit, 64);
    for (int64_t quad = 0; quad < 8; ++quad)
      for (int64_t half = 0; half < 2; ++half)
        store(packed + 64 + quad * 128 + half * 64, quad_of(block, quad * 4, half));
  }

  static void expand(const uint8_t* packed, uint8_t* quads, float* scales) {
    expand_units(packed, 1, scales);
    for (int64_t at = 0; at < GROUP_BYTES; at += 64) store(quads + at, load(packed + 64 + at));
  }
};

struct BlockOfQ4_0 {
  static constexpr int64_t GROUPS = 1;
  static constexpr size_t BYTES = 64 + GROUP_BYTES / 2;
  static constexpr Scales SCALES = Scales::OFFSET;

  static void pack(const UnpackedBlock& block, uint8_t* packed) {
    std::memcpy(packed, block.unit, 64);
    pack_nibbles(block, 0, packed + 64);
  }

  static void expand(const uint8_t* packed, uint8_t* quads, float* scales) {
    expand_units(packed, 1.0F / 16, scales);
    expand_nibbles<4>(packed + 64, quads);
  }
};

/** Q4_K, and Q5_K with one more bit. */
template <int HIGH_BITS>
struct BlockWithMinima {
  static constexpr int64_t GROUPS = 8;
  static constexpr size_t NIBBLES = GROUP_BYTES / 2;
  static constexpr size_t ONE_GROUP = 64 + NIBBLES + GROUP_BYTES / 8 * HIGH_BITS;
  static constexpr size_t BYTES = 128 + GROUPS * ONE_GROUP;
  static constexpr Scales SCALES = Scales::MINIMA;

  static void pack(const UnpackedBlock& block, uint8_t* packed) {
    std::memcpy(packed, block.unit, 64);
    std::memcpy(packed + 64, block.minimum_unit, 64);
    packed += 128;
    for (int64_t group = 0; group < GROUPS; ++group, packed += ONE_GROUP) {
      std::memcpy(packed, block.scales[group * 2], 32);
      std::memcpy(packed + 32, block.minima[group * 2], 32);
      pack_nibbles(block, group, packed + 64);
      if constexpr (HIGH_BITS > 0) pack_high_bits<HIGH_BITS>(block, group, packed + 64 + NIBBLES);
    }
  }

  static void expand(const uint8_t* packed, uint8_t* quads, float* scales) {
    alignas(64) float units[2][PANEL_ROWS];
    expand_units(packed, HIGH_BITS > 0 ? 1.0F / 8 : 1, units[0]);
    expand_units(packed + 64, -1, units[1]);
    packed += 128;
    for (int64_t group = 0; group < GROUPS; ++group, packed += ONE_GROUP) {
      expand_scales(packed, units[0], scales);
      expand_scales(packed + 32, units[1], scales + PANEL_ROWS);
      if constexpr (HIGH_BITS > 0)
        expand_with_high_bits<HIGH_BITS>(packed + 64, packed + 64 + NIBBLES, quads);
      else
        expand_nibbles<0>(packed + 64, quads);
      scales += GROUP_SCALES;
      quads += GROUP_BYTES;
    }
  }
};

using BlockOfQ4_K = BlockWithMinima<0>;
using BlockOfQ5_K = BlockWithMinima<1>;

struct BlockOfQ6_K {
  static constexpr int64_t GROUPS = 8;
  static constexpr size_t NIBBLES = GROUP_BYTES / 2;
  static constexpr size_t ONE_GROUP = 64 + NIBBLES + GROUP_BYTES / 4;
  static constexpr size_t BYTES = 64 + GROUPS * ONE_GROUP;
  static constexpr Scales SCALES = Scales::HALVES;

  static void pack(const UnpackedBlock& block, uint8_t* packed) {
    std::memcpy(packed, block.unit, 64);
    packed += 64;
    for (int64_t group = 0; group < GROUPS; ++group, packed += ONE_GROUP) {
      std::memcpy(packed, block.scales[group * 2], 64);
      pack_nibbles(block, group, packed + 64);
      pack_high_bits<2>(block, group, packed + 64 + NIBBLES);
    }
  }

  static void expand(const uint8_t* packed, uint8_t* quads, float* scales) {
    alignas(64) float units[PANEL_ROWS];
    expand_units(packed, 1.0F / 4, units);
    packed += 64;
    for (int64_t group = 0; group < GROUPS; ++group, packed += ONE_GROUP) {
      expand_scales(packed, units, scales);
      expand_scales(packed + 32, units, scales + PANEL_ROWS);
      expand_with_high_bits<2>(packed + 64, packed + 64 + NIBBLES, quads);
      scales += GROUP_SCALES;
      quads += GROUP_BYTES;
    }
  }
};

Scales scales_of(WeightType type) {
  switch (type) {
    case WeightType::Q4_K:
    case WeightType::Q5_K:
      return Scales::MINIMA;
    case WeightType::Q6_K:
      return Scales::HALVES;
    case WeightType::Q8_0:
      return Scales::PARTS;
    default:
      return Scales::OFFSET;
  }
}

size_t packed_block_bytes(WeightType type) {
  switch (type) {
    case WeightType::Q4_0:
      return BlockOfQ4_0::BYTES;
    case WeightType::Q8_0:
      return BlockOfQ8_0::BYTES;
    case WeightType::Q4_K:
      return BlockOfQ4_K::BYTES;
    case WeightType::Q5_K:
      return BlockOfQ5_K::BYTES;
    case WeightType::Q6_K:
      return BlockOfQ6_K::BYTES;
    default:
      return 0;
  }
}

/** What decode_row() subtracts from the bits of a value. */
int sign_offset(WeightType type) {
  switch (type) {
    case WeightType::Q4_0:
      return 8;
    case WeightType::Q8_0:
      return 128;
    case WeightType::Q6_K:
      return 32;
    default:
      return 0;
  }
}

/** Replaces a float16 by 1, so that what it would be multiplied with can be decoded as it is. */
uint16_t take_unit(uint8_t* half) {
  constexpr uint16_t ONE = 0x3C00;
  uint16_t unit = 0;
  std::memcpy(&unit, half, sizeof unit);
  std::memcpy(half, &ONE, sizeof ONE);
  return unit;
}

/** Reads one row of a block. */
void unpack_row(WeightType type, const uint8_t* source, int64_t row, UnpackedBlock& block) {
  const int64_t columns = block_length(type);
  const size_t bytes = row_bytes(type, columns);
  uint8_t raw[256];
  int8_t values[MAX_COLUMNS];
  float scales[MAX_COLUMNS / GROUP];
  float minima[MAX_COLUMNS / GROUP];
  std::memcpy(raw, source, bytes);
  block.unit[row] = take_unit(raw + (type == WeightType::Q6_K ? bytes - 2 : 0));
  if (scales_of(type) == Scales::MINIMA) block.minimum_unit[row] = take_unit(raw + 2);
  decode_row(type, raw, columns, {values, scales, minima});
  for (int64_t i = 0; i < columns; ++i) block.values[row][i] = static_cast<uint8_t>(values[i] + sign_offset(type));
  for (int64_t i = 0; i < columns / GROUP; ++i) {
    block.scales[i][row] = static_cast<int8_t>(scales[i]);
    block.minima[i][row] = static_cast<int8_t>(minima[i]);
  }
}

void pack_block(WeightType type, const UnpackedBlock& block, uint8_t* packed) {
  switch (type) {
    case WeightType::Q4_0:
      return BlockOfQ4_0::pack(block, packed);
    case WeightType::Q8_0:
      return BlockOfQ8_0::pack(block, packed);
    case WeightType::Q4_K:
      return BlockOfQ4_K::pack(block, packed);
    case WeightType::Q5_K:
      return BlockOfQ5_K::pack(block, packed);
    case WeightType::Q6_K:
      return BlockOfQ6_K::pack(block, packed);
    default:
      return;
  }
}

void pack_weights(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first, int64_t last) {
  const int64_t blocks = shape.columns / block_length(shape.type);
  const size_t row_size = row_bytes(shape.type, shape.columns);
  const size_t block_size = row_bytes(shape.type, block_length(shape.type));
  packed += static_cast<size_t>(first * blocks) * packed_block_bytes(shape.type);
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t first_row = panel * PANEL_ROWS;
    const int64_t rows = shape.rows - first_row < PANEL_ROWS ? shape.rows - first_row : PANEL_ROWS;
    UnpackedBlock block{};
    for (int64_t at = 0; at < blocks; ++at, packed += packed_block_bytes(shape.type)) {
      const uint8_t* source =
          weights + static_cast<size_t>(first_row) * row_size + static_cast<size_t>(at) * block_size;
      for (int64_t row = 0; row < rows; ++row)
        unpack_row(shape.type, source + static_cast<size_t>(row) * row_size, row, block);
      pack_block(shape.type, block, packed);
    }
  }
}

}  // namespace

}  // namespace starling::prefill
