#pragma once

#include "prefill/decode_weights.h"
#include "prefill/sixteen_floats.h"

/**
 * How weights are kept for amx_bf16_kernel.h, and how they become tiles of bfloat16. A tile has 32 columns of 16 rows
 * of the matrix, transposed in pairs as tiles are multiplied: its row r has columns 2r and 2r + 1 of the first row,
 * then of the second, and so on.
 */
namespace starling::prefill {
namespace {

constexpr int64_t TILE_ROWS = 16;
constexpr int64_t TILE_COLUMNS = 32;
constexpr size_t TILE_BYTES = 1024;

/** Columns that are decoded at once: a multiple of every type's block, unless the matrix ends. */
constexpr int64_t SEGMENT_COLUMNS = 256;

/** Quantised weights of the tiles of 16 rows; absent rows have scales and minima of 0. */
struct QuantisedSegment {
  int8_t values[TILE_ROWS][SEGMENT_COLUMNS];
  float scales[TILE_ROWS][SEGMENT_COLUMNS / GROUP];
  float minima[TILE_ROWS][SEGMENT_COLUMNS / GROUP];
};

/**
 * Quantised weights as unsigned fields of some bits, as many as fit in each word: field 2r has row r of the tile for
 * the first eight rows of the matrix, field 2r + 1 for the others. A field becomes the top of a float's mantissa, x = 1
 * + field / 2^Bits, and the weight is x * scale - offset, rounded once more to bfloat16.
 *
 * Scales are multiplied by 2^Bits. Offsets are kept for types with minima; for the others, whose fields are half of
 * their range too large, offset = 1.5 * scale, exactly: then x * scale - offset is exact.
 */
template <int Bits, int ScalesPerRow, bool HasMinima>
struct QuantisedFormat {
  static constexpr bool QUANTISED = true;
  static constexpr bool EXPANDS = true;
  static constexpr int PARTS = 1;
  static constexpr int PER_WORD = 32 / Bits;
  static constexpr size_t FIELD_BYTES = (TILE_COLUMNS + PER_WORD - 1) / PER_WORD * 64;
  static constexpr size_t PACKED_BYTES = FIELD_BYTES + 64 * ScalesPerRow + (HasMinima ? 64 : 0);

  /** @param column the tile's first in the segment */
  static void pack(const QuantisedSegment& segment, int64_t column, uint8_t* packed) {
    uint32_t words[FIELD_BYTES / 64][16] = {};
    for (int field = 0; field < TILE_COLUMNS; ++field)
      for (int lane = 0; lane < 16; ++lane) {
        const int value = segment.values[field % 2 * 8 + lane / 2][column + field / 2 * 2 + lane % 2];
        const uint32_t unsigned_value = static_cast<uint32_t>(value + (HasMinima ? 0 : 1 << (Bits - 1)));
        words[field / PER_WORD][lane] |= unsigned_value << (field % PER_WORD * Bits);
      }
    float scales[ScalesPerRow + 1][TILE_ROWS];
    for (int row = 0; row < TILE_ROWS; ++row) {
      const int64_t group = column / GROUP;
      for (int i = 0; i < ScalesPerRow; ++i)
        scales[i][row] = static_cast<float>(1 << Bits) * segment.scales[row][group + i];
      scales[ScalesPerRow][row] = scales[0][row] + segment.minima[row][group];
    }
    std::memcpy(packed, words, sizeof words);
    std::memcpy(packed + FIELD_BYTES, scales, PACKED_BYTES - FIELD_BYTES);
  }

  static inline void expand(const uint8_t* packed, uint8_t* tile) {
    if constexpr (ScalesPerRow == 1) {
      expand_rows<0, 16>(packed, Scaling(packed, 0), tile);
    } else {
      expand_rows<0, 8>(packed, Scaling(packed, 0), tile);
      expand_rows<8, 16>(packed, Scaling(packed, 1), tile);
    }
  }

 private:
  /** Scales and offsets of the first eight rows and of the others, each for two columns. */
  struct Scaling {
    Scaling(const uint8_t* packed, int index) {
      const float* scales = reinterpret_cast<const float*>(packed + FIELD_BYTES) + 16 * index;
      const Floats scale = load_floats(scales);
      const Floats offset = HasMinima ? load_floats(scales + 16) : multiply(scale, 1.5F);
      low_scale = low_half_twice(scale);
      low_offset = low_half_twice(offset);
      high_scale = high_half_twice(scale);
      high_offset = high_half_twice(offset);
    }
    Floats low_scale;
    Floats low_offset;
    Floats high_scale;
    Floats high_offset;
  };

  template <int Field>
  static inline Floats field(const uint8_t* packed) {
    return one_and_field<Bits, Field % PER_WORD>(load_words(packed + Field / PER_WORD * 64));
  }

  /** By recursion, so that every shift is a constant. */
  template <int Row, int End>
  static inline void expand_rows(const uint8_t* packed, const Scaling& scaling, uint8_t* tile) {
    const Floats low = multiply_subtract(field<2 * Row>(packed), scaling.low_scale, scaling.low_offset);
    const Floats high = multiply_subtract(field<2 * Row + 1>(packed), scaling.high_scale, scaling.high_offset);
    store_bfloat16(tile + 64 * Row, low, high);
    if constexpr (Row + 1 < End) expand_rows<Row + 1, End>(packed, scaling, tile);
  }
};

using Q4KFormat = QuantisedFormat<4, 1, true>;
using Q5KFormat = QuantisedFormat<5, 1, true>;
using Q6KFormat = QuantisedFormat<6, 2, false>;
using Q80Format = QuantisedFormat<8, 1, false>;
using Q40Format = QuantisedFormat<4, 1, false>;

/** Tiles as they are multiplied. */
struct BF16Format {
  static constexpr bool QUANTISED = false;
  static constexpr bool EXPANDS = false;
  static constexpr int PARTS = 1;
  static constexpr size_t PACKED_BYTES = TILE_BYTES;
};

/**
 * float16 has 11 significant bits, bfloat16 has 8: two tiles that add up to the weights exactly. Also to the subnormal
 * ones, which are normal numbers in bfloat16, like everything that is left of them.
 */
struct F16Format {
  static constexpr bool QUANTISED = false;
  static constexpr bool EXPANDS = true;
  static constexpr int PARTS = 2;
  static constexpr size_t PACKED_BYTES = TILE_BYTES;

  /** @param tile the high parts; the low ones are written after those of the two tiles of a step */
  static inline void expand(const uint8_t* packed, uint8_t* tile) {
    for (size_t at = 0; at < TILE_BYTES; at += 64)
      store_in_two(tile + at, tile + 2 * TILE_BYTES + at, load_halves(packed + at), load_halves(packed + at + 32));
  }
};

}  // namespace
}  // namespace starling::prefill
