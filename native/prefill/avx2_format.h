#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "prefill/decode_weights.h"
#include "prefill/gemm.h"

/**
 * Quantised weights times activations in 256-bit registers: what avx2_gemm.cpp and avx_vnni_gemm.cpp share. They differ
 * in the instructions that sum the products of one group of columns, and pass those in as `Dot`.
 *
 * A panel is 16 rows, two registers of eight 32-bit sums. Its weights are kept about as compact as in the GGUF. To
 * multiply, a stretch of columns is expanded to bytes, small enough for the level-1 cache, and all tokens go past it.
 * Activations are rounded to integers, with a scale for each span of columns; products of integers are exact within a
 * group, so that each token's result is a fixed sequence of float32 operations.
 */
namespace starling::prefill {

namespace {

constexpr int64_t PANEL_ROWS = 16;
/** Columns that are packed together, in every type. */
constexpr int64_t CHUNK = 32;
/** Bytes of an expanded stretch: half of a level-1 cache of 32 KiB, with room for scales and activations. */
constexpr int64_t STRETCH_BYTES = 16384;

/** How a type is packed and multiplied: weight = scale * (integer - OFFSET) - minimum, integer without a sign. */
template <int Bits, int Offset, bool Minima, int GroupColumns, int SpanColumns, int ValueBytes = 1>
struct Format {
  static constexpr int BITS = Bits;
  /** With two bytes for a value integers have a sign, and no offset. */
  static constexpr int OFFSET = Offset;
  static constexpr bool MINIMA = Minima;
  /** Columns that share a scale of the weights. */
  static constexpr int GROUP_COLUMNS = GroupColumns;
  /** Columns that share a scale of the activations, as in llama.cpp: 32, and 256 for K-quants. */
  static constexpr int SPAN_COLUMNS = SpanColumns;
  /** Bytes of an expanded weight and of an activation. */
  static constexpr int VALUE_BYTES = ValueBytes;
  /** Columns next to each other in each 32-bit part of a register. */
  static constexpr int STEP_COLUMNS = 4 / ValueBytes;
  static constexpr int GROUP_STEPS = GroupColumns / STEP_COLUMNS;
  static constexpr int SPAN_GROUPS = SpanColumns / GroupColumns;
  static constexpr int CHUNK_GROUPS = CHUNK / GroupColumns;
  static constexpr int64_t STRETCH_COLUMNS = STRETCH_BYTES / (PANEL_ROWS * ValueBytes);
  static constexpr int64_t INTEGER_BYTES = CHUNK * PANEL_ROWS * Bits / 8;
  static constexpr int64_t CHUNK_BYTES = INTEGER_BYTES + (CHUNK_GROUPS + (Minima ? 1 : 0)) * PANEL_ROWS * 4;
};

using FormatQ4_0 = Format<4, 8, false, 32, 32>;
using FormatQ8_0 = Format<8, 128, false, 32, 32>;
using FormatQ4_K = Format<4, 0, true, 32, 256>;
using FormatQ5_K = Format<5, 0, true, 32, 256>;
using FormatQ6_K = Format<6, 32, false, 16, 256>;
using FormatWideQ8_0 = Format<8, 0, false, 32, 32, 2>;

/** A stretch of a panel: integers in the order of registers, [step][2][8 rows][columns of the step], and scales. */
struct Expanded {
  alignas(64) uint8_t integers[STRETCH_BYTES];
  alignas(64) float scales[STRETCH_BYTES / GROUP];
  alignas(64) float minima[STRETCH_BYTES / CHUNK];
};

/** Where the parts of a packed token are: integers, a scale for each span, and four bytes for each group. */
template <class F>
struct TokenLayout {
  explicit TokenLayout(int64_t columns)
      : scales(static_cast<size_t>(columns * F::VALUE_BYTES)),
        groups(scales + static_cast<size_t>(columns / F::SPAN_COLUMNS) * 4),
        bytes((groups + static_cast<size_t>(columns / F::GROUP_COLUMNS) * 4 + 63) / 64 * 64) {}
  size_t scales;
  size_t groups;
  size_t bytes;
};

/** Activations of several tokens from one column on. */
struct Tokens {
  const uint8_t* integers;
  const uint8_t* scales;
  const uint8_t* groups;
  size_t stride;
};

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/** The most tokens that go past all panels before the next ones do. */
constexpr int64_t MOST_TOKENS = 192;

/** How many of the remaining tokens come next: as many as a level-2 cache holds, in parts of about the same size. */
int64_t next_tokens(int64_t remaining, size_t token_bytes) {
  constexpr int64_t CACHE_BYTES = 1 << 20;
  // Weights are expanded anew each time.
  constexpr int64_t FEWEST = 48;
  const int64_t cached = CACHE_BYTES / static_cast<int64_t>(token_bytes);
  const int64_t most = cached < FEWEST ? FEWEST : smaller(cached, MOST_TOKENS);
  const int64_t parts = (remaining + most - 1) / most;
  // Parts of whole steps, of 3 or of 6 tokens.
  return smaller(smaller((remaining + parts * 6 - 1) / (parts * 6) * 6, most), remaining);
}

__m256i broadcast_integer(const uint8_t* bytes) {
  int32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return _mm256_set1_epi32(value);
}

__m256 broadcast_float(const uint8_t* bytes) {
  float value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return _mm256_set1_ps(value);
}

/** Sums of products of up to MOST_TOKENS tokens with a panel, until all its columns are added. */
struct Totals {
  alignas(64) float values[MOST_TOKENS][PANEL_ROWS];

  void clear(int64_t tokens) { std::memset(values, 0, static_cast<size_t>(tokens) * sizeof values[0]); }

  /** To products of tokens from `token` on with rows from `row` on; the matrix may end within the panel. */
  void copy_to(const Products& products, int64_t token, int64_t tokens, int64_t row, int64_t all_rows) const {
    float* results = products.values + static_cast<size_t>(token) * products.stride + row;
    const int64_t rows = smaller(PANEL_ROWS, all_rows - row);
    for (int64_t i = 0; i < tokens; ++i, results += products.stride) {
      // A constant size where it can be one: a call of memcpy takes longer than the copy.
      if (rows == PANEL_ROWS)
        std::memcpy(results, values[i], sizeof values[0]);
      else
        std::memcpy(results, values[i], static_cast<size_t>(rows) * sizeof(float));
    }
  }
};

__m256i load(const uint8_t* bytes) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes)); }

void store(uint8_t* bytes, __m256i value) { _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), value); }

}  // namespace

}  // namespace starling::prefill
