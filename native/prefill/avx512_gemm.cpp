#include <immintrin.h>

#include <cstring>

#include "prefill/avx512_parts.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** Four registers of 16 rows: with 6 tokens, 24 sums. */
constexpr int64_t PANEL_ROWS = 64;
constexpr int PARTS = 4;
constexpr int64_t TILE_TOKENS = 6;

/** Columns of a panel that are expanded at once: 24 KiB, which stay in the first-level cache. */
constexpr int64_t CHUNK_COLUMNS = 96;

/** Bytes of packed activations that stay in the second-level cache while all panels pass. */
constexpr int64_t CACHED_ACTIVATIONS = 1 << 19;

/** So many tokens make up for the expansion of a chunk of weights. */
constexpr int64_t MOST_TOKENS = 192;
static_assert(MOST_TOKENS * CHUNK_COLUMNS * 4 <= CACHED_ACTIVATIONS, "at least one chunk is cached");

/** A chunk's part of the products of a few tokens with a panel. */
struct Tile {
  /** float[columns][PANEL_ROWS] */
  const float* weights;
  int64_t columns;
  const float* activations;
  float* products;
  size_t stride;
  __mmask16 rows[PARTS];
  /** What to fetch meanwhile into the second-level cache: so many bytes for each column. */
  const uint8_t* next;
  size_t next_step;
  /** The first chunk starts at zero, the others add to the products. */
  bool starts;
};

template <int TOKENS>
void multiply_tile(const Tile& tile) {
  __m512 sums[TOKENS][PARTS];
  for (int token = 0; token < TOKENS; ++token) {
    const float* products = tile.products + static_cast<size_t>(token) * tile.stride;
    for (int part = 0; part < PARTS; ++part)
      sums[token][part] =
          tile.starts ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(tile.rows[part], products + part * 16);
  }
  const float* weights = tile.weights;
  const float* activations = tile.activations;
  for (int token = 0; token < TOKENS; ++token)
    for (int part = 0; part < PARTS; ++part)
      __builtin_prefetch(tile.products + static_cast<size_t>(TOKENS + token) * tile.stride + part * 16, 1);
  const uint8_t* next = tile.next;
  for (int64_t column = 0; column < tile.columns; ++column, weights += PANEL_ROWS, ++activations) {
    _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T1);
    next += tile.next_step;
    __m512 parts[PARTS];
    for (int part = 0; part < PARTS; ++part) parts[part] = _mm512_load_ps(weights + part * 16);
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const __m512 activation = _mm512_set1_ps(activations[token * CHUNK_COLUMNS]);
#pragma GCC unroll 4
      for (int part = 0; part < PARTS; ++part)
        sums[token][part] = _mm512_fmadd_ps(parts[part], activation, sums[token][part]);
    }
  }
  for (int token = 0; token < TOKENS; ++token) {
    float* products = tile.products + static_cast<size_t>(token) * tile.stride;
    for (int part = 0; part < PARTS; ++part)
      _mm512_mask_storeu_ps(products + part * 16, tile.rows[part], sums[token][part]);
  }
}

void multiply_tokens(const Tile& tile, int64_t tokens) {
  switch (tokens) {
    case 1:
      return multiply_tile<1>(tile);
    case 2:
      return multiply_tile<2>(tile);
    case 3:
      return multiply_tile<3>(tile);
    case 4:
      return multiply_tile<4>(tile);
    case 5:
      return multiply_tile<5>(tile);
    default:
      return multiply_tile<TILE_TOKENS>(tile);
  }
}

/**
 * A chunk with any number of tokens, in tiles as even as can be: many sums at a time hide how long each addition takes.
 * Meanwhile the next chunk of weights is fetched.
 */
void multiply_chunk(Tile tile, int64_t tokens, const uint8_t* next, size_t next_bytes) {
  int64_t tiles = (tokens + TILE_TOKENS - 1) / TILE_TOKENS;
  tile.next = next;
  tile.next_step = next_bytes / static_cast<size_t>(tiles * tile.columns) + 1;
  for (; tiles > 0; --tiles) {
    const int64_t now = (tokens + tiles - 1) / tiles;
    multiply_tokens(tile, now);
    tokens -= now;
    tile.next += tile.next_step * static_cast<size_t>(tile.columns);
    tile.activations += now * CHUNK_COLUMNS;
    tile.products += static_cast<size_t>(now) * tile.stride;
  }
}

template <WeightType TYPE>
__m512 expand(__m256i bits) {
  if constexpr (TYPE == WeightType::F16)
    return _mm512_cvtph_ps(bits);
  else
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

template <WeightType TYPE>
void expand_columns(const uint8_t* packed, int64_t columns, float* weights) {
  for (int64_t at = 0; at < columns * PANEL_ROWS; at += 16)
    _mm512_store_ps(weights + at, expand<TYPE>(_mm256_load_si256(reinterpret_cast<const __m256i*>(packed + at * 2))));
}

int64_t chunks_of(int64_t columns) { return (columns + CHUNK_COLUMNS - 1) / CHUNK_COLUMNS; }

struct Problem {
  const WeightShape* shape;
  const uint8_t* weights;
  const float* activations;
  int64_t tokens;
  const Products* products;
};

template <WeightType TYPE>
void multiply_panel(const Problem& problem, const Part& part, int64_t first_row) {
  alignas(64) float weights[CHUNK_COLUMNS * PANEL_ROWS];
  const int64_t columns = problem.shape->columns;
  Tile tile{};
  tile.weights = weights;
  tile.stride = problem.products->stride;
  tile.products = problem.products->values + static_cast<size_t>(part.first_token) * tile.stride + first_row;
  for (int i = 0; i < PARTS; ++i) tile.rows[i] = first_rows(problem.shape->rows - first_row - i * 16);
  for (int64_t chunk = part.first_chunk; chunk < part.last_chunk; ++chunk) {
    const int64_t first_column = chunk * CHUNK_COLUMNS;
    const uint8_t* packed = problem.weights + static_cast<size_t>(first_row * columns + first_column * PANEL_ROWS) * 2;
    tile.columns = least(columns - first_column, CHUNK_COLUMNS);
    tile.starts = chunk == 0;
    tile.activations = problem.activations + (chunk * problem.tokens + part.first_token) * CHUNK_COLUMNS;
    expand_columns<TYPE>(packed, tile.columns, weights);
    const size_t bytes = static_cast<size_t>(tile.columns * PANEL_ROWS) * 2;
    multiply_chunk(tile, part.tokens, packed + bytes, bytes);
  }
}

template <WeightType TYPE>
void multiply_panels(const Problem& problem, int64_t first, int64_t last) {
  const int64_t chunks = chunks_of(problem.shape->columns);
  // As even as can be.
  const int64_t blocks = (problem.tokens + MOST_TOKENS - 1) / MOST_TOKENS;
  Part part{};
  for (int64_t block = 0; block < blocks; ++block, part.first_token += part.tokens) {
    part.tokens = (problem.tokens - part.first_token + blocks - block - 1) / (blocks - block);
    const int64_t cached_chunks =
        CACHED_ACTIVATIONS / (part.tokens * CHUNK_COLUMNS * static_cast<int64_t>(sizeof(float)));
    for (part.first_chunk = 0; part.first_chunk < chunks; part.first_chunk = part.last_chunk) {
      part.last_chunk = least(chunks, part.first_chunk + cached_chunks);
      for (int64_t panel = first; panel < last; ++panel) multiply_panel<TYPE>(problem, part, panel * PANEL_ROWS);
    }
  }
}

bool takes(const WeightShape& shape) {
  return (shape.type == WeightType::F16 || shape.type == WeightType::BF16) && shape.rows > 0 && shape.columns > 0;
}

size_t weight_bytes(const WeightShape& shape) {
  return static_cast<size_t>((shape.rows + PANEL_ROWS - 1) / PANEL_ROWS * PANEL_ROWS * shape.columns) * 2;
}

/** Some columns of a panel, as uint16[columns][PANEL_ROWS]; rows that the matrix does not have are zeros. */
void pack_columns(const uint8_t* rows, size_t row_size, int64_t count, int64_t columns, uint8_t* packed) {
  std::memset(packed, 0, static_cast<size_t>(columns * PANEL_ROWS) * 2);
  for (int64_t row = 0; row < count; ++row, rows += row_size)
    for (int64_t column = 0; column < columns; ++column)
      std::memcpy(packed + (column * PANEL_ROWS + row) * 2, rows + column * 2, 2);
}

void pack_weights(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first, int64_t last) {
  const size_t row_size = static_cast<size_t>(shape.columns) * 2;
  for (int64_t panel = first; panel < last; ++panel) {
    const uint8_t* rows = weights + static_cast<size_t>(panel * PANEL_ROWS) * row_size;
    uint8_t* to = packed + static_cast<size_t>(panel * PANEL_ROWS) * row_size;
    const int64_t left = shape.rows - panel * PANEL_ROWS;
    const int64_t count = left < PANEL_ROWS ? left : PANEL_ROWS;
    // A few lines of each row at a time: the first-level cache holds them and their places.
    for (int64_t at = 0; at < shape.columns; at += 64) {
      const int64_t columns = shape.columns - at < 64 ? shape.columns - at : 64;
      pack_columns(rows + at * 2, row_size, count, columns, to + at * PANEL_ROWS * 2);
    }
  }
}

/** Packed as float[chunks][tokens][CHUNK_COLUMNS]: what a tile reads is contiguous, whatever the number of columns. */
size_t activation_bytes(WeightType, int64_t tokens, int64_t columns) {
  return static_cast<size_t>(tokens * chunks_of(columns) * CHUNK_COLUMNS) * sizeof(float);
}

void pack_activations(WeightType, const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
  for (int64_t token = first; token < last; ++token) {
    const float* from = input.values + static_cast<size_t>(token) * input.stride;
    float* to = reinterpret_cast<float*>(packed) + token * CHUNK_COLUMNS;
    for (int64_t at = 0; at < input.columns; at += CHUNK_COLUMNS, to += input.tokens * CHUNK_COLUMNS) {
      const int64_t columns = input.columns - at < CHUNK_COLUMNS ? input.columns - at : CHUNK_COLUMNS;
      std::memcpy(to, from + at, static_cast<size_t>(columns) * sizeof(float));
    }
  }
}

void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
              const Products& products, int64_t first, int64_t last) {
  const Problem problem{&shape, weights, reinterpret_cast<const float*>(activations), tokens, &products};
  if (shape.type == WeightType::F16)
    multiply_panels<WeightType::F16>(problem, first, last);
  else
    multiply_panels<WeightType::BF16>(problem, first, last);
}

}  // namespace

const GemmKernel avx512_gemm{"avx512",         PANEL_ROWS,       1,       takes, weight_bytes, pack_weights,
                             activation_bytes, pack_activations, multiply};

}  // namespace starling::prefill
