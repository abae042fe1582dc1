#pragma once

#include "prefill/amx_tile_formats.h"
#include "prefill/gemm.h"

/**
 * The order of packed weights and activations for amx_bf16_kernel.h.
 *
 * Weights: a panel has 32 rows; in it step after step of 32 columns, for each the tile of the first 16 rows, then that
 * of the others. Activations: a block has 32 tokens; in it step after step, for each the tile of the first 16 tokens,
 * then that of the others, both again with the low parts where there are two.
 */
namespace starling::prefill {
namespace {

constexpr int64_t PANEL_ROWS = 2 * TILE_ROWS;
constexpr int64_t BLOCK_TOKENS = 2 * TILE_ROWS;

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/** Calls back with an object of the type's format. */
template <class Callback>
inline void with_format(WeightType type, const Callback& callback) {
  switch (type) {
    case WeightType::Q4_0:
      return callback(Q40Format());
    case WeightType::Q8_0:
      return callback(Q80Format());
    case WeightType::Q4_K:
      return callback(Q4KFormat());
    case WeightType::Q5_K:
      return callback(Q5KFormat());
    case WeightType::Q6_K:
      return callback(Q6KFormat());
    case WeightType::BF16:
      return callback(BF16Format());
    case WeightType::F16:
      return callback(F16Format());
  }
}

inline bool takes(const WeightShape& shape) {
  bool known = false;
  with_format(shape.type, [&](auto) { known = true; });
  return known && shape.rows > 0 && shape.columns > 0 && shape.columns % TILE_COLUMNS == 0 &&
         shape.columns % block_length(shape.type) == 0;
}

inline size_t weight_bytes(const WeightShape& shape) {
  const int64_t panels = (shape.rows + PANEL_ROWS - 1) / PANEL_ROWS;
  const size_t tiles = static_cast<size_t>(panels * (shape.columns / TILE_COLUMNS)) * 2;
  size_t bytes = 0;
  with_format(shape.type, [&](auto format) { bytes = tiles * decltype(format)::PACKED_BYTES; });
  return bytes;
}

inline void decode_segment(const WeightShape& shape, const uint8_t* weights, int64_t first_row, int64_t column,
                           QuantisedSegment& segment) {
  std::memset(&segment, 0, sizeof segment);
  const int64_t columns = smaller(SEGMENT_COLUMNS, shape.columns - column);
  for (int64_t i = 0; i < smaller(TILE_ROWS, shape.rows - first_row); ++i) {
    const uint8_t* row = weights + static_cast<size_t>(first_row + i) * row_bytes(shape.type, shape.columns);
    decode_row(shape.type, row + row_bytes(shape.type, column), columns,
               {segment.values[i], segment.scales[i], segment.minima[i]});
  }
}

/** Every second tile of a panel, from its first or its second. */
template <class Format>
void pack_quantised(const WeightShape& shape, const uint8_t* weights, int64_t first_row, uint8_t* packed) {
  QuantisedSegment segment;
  for (int64_t column = 0; column < shape.columns; column += TILE_COLUMNS, packed += 2 * Format::PACKED_BYTES) {
    if (column % SEGMENT_COLUMNS == 0) decode_segment(shape, weights, first_row, column, segment);
    Format::pack(segment, column % SEGMENT_COLUMNS, packed);
  }
}

/** The same for weights of 16 bits. */
inline void pack_sixteen_bits(const WeightShape& shape, const uint8_t* weights, int64_t first_row, uint8_t* packed) {
  for (int64_t column = 0; column < shape.columns; column += TILE_COLUMNS, packed += 2 * TILE_BYTES) {
    std::memset(packed, 0, TILE_BYTES);
    for (int64_t row = 0; row < smaller(TILE_ROWS, shape.rows - first_row); ++row) {
      const uint8_t* from = weights + 2 * static_cast<size_t>((first_row + row) * shape.columns + column);
      for (int64_t pair = 0; pair < TILE_COLUMNS / 2; ++pair)
        std::memcpy(packed + 64 * pair + 4 * row, from + 4 * pair, 4);
    }
  }
}

inline void pack_weights(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first,
                         int64_t last) {
  with_format(shape.type, [&](auto format) {
    using Format = decltype(format);
    const size_t panel_bytes = static_cast<size_t>(shape.columns / TILE_COLUMNS) * 2 * Format::PACKED_BYTES;
    for (int64_t half = 2 * first; half < 2 * last; ++half) {
      uint8_t* to = packed + static_cast<size_t>(half / 2) * panel_bytes + half % 2 * Format::PACKED_BYTES;
      if constexpr (Format::QUANTISED)
        pack_quantised<Format>(shape, weights, half * TILE_ROWS, to);
      else
        pack_sixteen_bits(shape, weights, half * TILE_ROWS, to);
    }
  });
}

/** Where weights have two parts, activations have, too: one alone would lose bits that llama.cpp keeps. */
inline size_t step_bytes(WeightType type) { return (type == WeightType::F16 ? 4 : 2) * TILE_BYTES; }

inline size_t block_bytes(WeightType type, int64_t columns) {
  return static_cast<size_t>(columns / TILE_COLUMNS) * step_bytes(type);
}

inline size_t activation_bytes(WeightType type, int64_t tokens, int64_t columns) {
  return static_cast<size_t>((tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS) * block_bytes(type, columns);
}

/** A token's row in the tiles of a block. */
inline void pack_token(WeightType type, const float* values, int64_t columns, uint8_t* packed) {
  for (int64_t column = 0; column < columns; column += TILE_COLUMNS, packed += step_bytes(type)) {
    const Floats first = load_floats(values + column);
    const Floats second = load_floats(values + column + TILE_COLUMNS / 2);
    if (type == WeightType::F16)
      store_in_two(packed, packed + 2 * TILE_BYTES, first, second);
    else
      store_bfloat16(packed, first, second);
  }
}

/** Absent tokens of the last block are zeros. */
inline void pack_activations(WeightType type, const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
  const size_t bytes = block_bytes(type, input.columns);
  for (int64_t block = first; block < last; ++block) {
    uint8_t* to = packed + static_cast<size_t>(block) * bytes;
    const int64_t tokens = smaller(BLOCK_TOKENS, input.tokens - block * BLOCK_TOKENS);
    if (tokens < BLOCK_TOKENS) std::memset(to, 0, bytes);
    for (int64_t i = 0; i < tokens; ++i) {
      const float* values = input.values + static_cast<size_t>(block * BLOCK_TOKENS + i) * input.stride;
      const size_t row = static_cast<size_t>(i % TILE_ROWS) * 64;
      pack_token(type, values, input.columns, to + static_cast<size_t>(i / TILE_ROWS) * TILE_BYTES + row);
    }
  }
}

}  // namespace
}  // namespace starling::prefill
