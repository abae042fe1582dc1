#include <immintrin.h>

#include <cstring>

#include "prefill/avx512_parts.h"
#include "prefill/avx512_vnni_activations.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** Groups of a panel that are expanded at once: with their scales they stay in the first-level cache. */
constexpr int64_t CHUNK_GROUPS = 16;
static_assert(CHUNK_GROUPS % 8 == 0, "a block of 256 columns is expanded whole");

/** Bytes of packed activations that stay in the second-level cache while all panels pass. */
constexpr int64_t CACHED_ACTIVATIONS = 1 << 20;

/** So many tokens make up for the expansion of a chunk of weights. */
constexpr int64_t MOST_TOKENS = 384;
static_assert(2 * MOST_TOKENS * CHUNK_GROUPS * static_cast<int64_t>(sizeof(ActivationGroup)) <= CACHED_ACTIVATIONS,
              "at least one chunk is cached");

struct Chunk {
  alignas(64) uint8_t quads[CHUNK_GROUPS * GROUP_BYTES];
  alignas(64) float scales[CHUNK_GROUPS * GROUP_SCALES];
};

/** A chunk's part of the products of a few tokens with a panel. */
struct Tile {
  const Chunk* chunk;
  int64_t groups;
  const ActivationGroup* activations;
  float* products;
  size_t stride;
  __mmask16 rows[2];
  /** What to fetch meanwhile into the second-level cache: so many bytes for each group. */
  const uint8_t* next;
  size_t next_step;
  /** The first chunk starts at zero, the others add to the products. */
  bool starts;
};

__m512i broadcast(const int8_t* four) {
  int32_t bits = 0;
  std::memcpy(&bits, four, sizeof bits);
  return _mm512_set1_epi32(bits);
}

__m512 broadcast_float(int32_t bits) { return _mm512_castsi512_ps(_mm512_set1_epi32(bits)); }

template <int TOKENS>
using Sums = __m512i[TOKENS][2];

/** Adds the products of four columns at a time, QUADS times. */
template <int TOKENS, int QUADS>
inline __attribute__((always_inline)) void add_products(const uint8_t* quads, const ActivationGroup* group,
                                                        int first_quad, Sums<TOKENS>& sums) {
#pragma GCC unroll 8
  for (int quad = first_quad; quad < first_quad + QUADS; ++quad) {
    const __m512i low = _mm512_load_si512(quads + quad * 128);
    const __m512i high = _mm512_load_si512(quads + quad * 128 + 64);
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const __m512i four = broadcast(group[token * CHUNK_GROUPS].values + quad * 4);
      sums[token][0] = _mm512_dpbusd_epi32(sums[token][0], low, four);
      sums[token][1] = _mm512_dpbusd_epi32(sums[token][1], high, four);
    }
  }
}

/** One group of a tile where 32 columns share a scale. */
template <int TOKENS, bool MINIMA>
inline __attribute__((always_inline)) void add_group(const uint8_t* quads, const float* scales,
                                                     const ActivationGroup* group, __m512 (&totals)[TOKENS][2]) {
  Sums<TOKENS> sums;
#pragma GCC unroll 8
  for (int token = 0; token < TOKENS; ++token)
    sums[token][0] = sums[token][1] = _mm512_set1_epi32(group[token * CHUNK_GROUPS].start);
  add_products<TOKENS, 8>(quads, group, 0, sums);
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const __m512 scale = _mm512_load_ps(scales + half * 16);
    const __m512 zero = _mm512_mul_ps(scale, _mm512_set1_ps(-FLOAT_ZERO_VALUE));
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const ActivationGroup& own = group[token * CHUNK_GROUPS];
      __m512 value = _mm512_fmadd_ps(_mm512_castsi512_ps(sums[token][half]), scale, zero);
      if constexpr (MINIMA)
        value = _mm512_fmadd_ps(_mm512_load_ps(scales + 32 + half * 16), broadcast_float(own.extra), value);
      totals[token][half] = _mm512_fmadd_ps(value, _mm512_set1_ps(own.scale), totals[token][half]);
    }
  }
}

/** One group of a tile where 16 columns share a scale. The zeros of both halves are subtracted at once. */
template <int TOKENS>
inline __attribute__((always_inline)) void add_group_of_halves(const uint8_t* quads, const float* scales,
                                                               const ActivationGroup* group,
                                                               __m512 (&totals)[TOKENS][2]) {
  Sums<TOKENS> first;
  Sums<TOKENS> second;
#pragma GCC unroll 8
  for (int token = 0; token < TOKENS; ++token) {
    first[token][0] = first[token][1] = _mm512_set1_epi32(group[token * CHUNK_GROUPS].start);
    second[token][0] = second[token][1] = _mm512_set1_epi32(group[token * CHUNK_GROUPS].extra);
  }
  add_products<TOKENS, 4>(quads, group, 0, first);
  add_products<TOKENS, 4>(quads, group, 4, second);
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const __m512 scale = _mm512_load_ps(scales + half * 16);
    const __m512 second_scale = _mm512_load_ps(scales + 32 + half * 16);
    const __m512 zero = _mm512_mul_ps(_mm512_add_ps(scale, second_scale), _mm512_set1_ps(-FLOAT_ZERO_VALUE));
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const __m512 part = _mm512_fmadd_ps(_mm512_castsi512_ps(first[token][half]), scale, zero);
      const __m512 value = _mm512_fmadd_ps(_mm512_castsi512_ps(second[token][half]), second_scale, part);
      totals[token][half] =
          _mm512_fmadd_ps(value, _mm512_set1_ps(group[token * CHUNK_GROUPS].scale), totals[token][half]);
    }
  }
}

/** The products of a token with a panel, which are in two or three lines. */
void fetch_for_writing(const float* products) {
  __builtin_prefetch(products, 1);
  __builtin_prefetch(products + PANEL_ROWS - 1, 1);
}

template <int TOKENS, Scales SCALES>
void multiply_tile(const Tile& tile) {
  constexpr int PARTS = parts_of(SCALES);
  constexpr int ROWS = TOKENS * PARTS;
  __m512 totals[ROWS][2];
  for (int row = 0; row < ROWS; ++row) {
    for (int half = 0; half < 2; ++half) {
      const float* values = tile.products + static_cast<size_t>(row / PARTS) * tile.stride + half * 16;
      const bool is_zero = tile.starts || row % PARTS != 0;
      totals[row][half] = is_zero ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(tile.rows[half], values);
    }
  }
  const uint8_t* quads = tile.chunk->quads;
  const float* scales = tile.chunk->scales;
  const uint8_t* next = tile.next;
  const ActivationGroup* const end = tile.activations + tile.groups;
  for (int token = 0; token < TOKENS; ++token)
    fetch_for_writing(tile.products + static_cast<size_t>(TOKENS + token) * tile.stride);
  for (const ActivationGroup* group = tile.activations; group < end; ++group) {
    for (size_t at = 0; at < tile.next_step; at += 64)
      _mm_prefetch(reinterpret_cast<const char*>(next + at), _MM_HINT_T1);
    next += tile.next_step;
#pragma GCC unroll 8
    for (int row = 0; row < ROWS; ++row)
      __builtin_prefetch(reinterpret_cast<const char*>(group) + (ROWS + row) * CHUNK_GROUPS * sizeof(ActivationGroup),
                         0, 3);
    if constexpr (SCALES == Scales::HALVES)
      add_group_of_halves<ROWS>(quads, scales, group, totals);
    else
      add_group<ROWS, SCALES == Scales::MINIMA>(quads, scales, group, totals);
    quads += GROUP_BYTES;
    scales += GROUP_SCALES;
  }
  for (int token = 0; token < TOKENS; ++token) {
    for (int half = 0; half < 2; ++half) {
      float* values = tile.products + static_cast<size_t>(token) * tile.stride + half * 16;
      __m512 total = totals[token * PARTS][half];
      if constexpr (PARTS == 2) total = _mm512_add_ps(total, totals[token * PARTS + 1][half]);
      _mm512_mask_storeu_ps(values, tile.rows[half], total);
    }
  }
}

/** What fits into 32 registers: totals and sums of so many tokens, and twice the sums with halves. */
constexpr int64_t tile_tokens(Scales scales) { return (scales == Scales::HALVES ? 4 : 6) / parts_of(scales); }

template <Scales SCALES>
void multiply_tokens(const Tile& tile, int64_t tokens) {
  switch (tokens) {
    case 1:
      return multiply_tile<1, SCALES>(tile);
    case 2:
      return multiply_tile<2, SCALES>(tile);
    case 3:
      return multiply_tile<3, SCALES>(tile);
    default:
      break;
  }
  if constexpr (tile_tokens(SCALES) > 3)
    if (tokens == 4) return multiply_tile<4, SCALES>(tile);
  if constexpr (tile_tokens(SCALES) > 4) {
    if (tokens == 5) return multiply_tile<5, SCALES>(tile);
    multiply_tile<6, SCALES>(tile);
  }
}

/** A chunk with any number of tokens, in tiles as even as can be: many sums at a time hide how long each addition
 * takes. */
template <Scales SCALES>
void multiply_chunk(Tile tile, int64_t tokens, const uint8_t* next, size_t next_bytes) {
  int64_t tiles = (tokens + tile_tokens(SCALES) - 1) / tile_tokens(SCALES);
  tile.next = next;
  tile.next_step = next_bytes / static_cast<size_t>(tiles * tile.groups) + 1;
  for (; tiles > 0; --tiles) {
    const int64_t now = (tokens + tiles - 1) / tiles;
    multiply_tokens<SCALES>(tile, now);
    tokens -= now;
    tile.next += tile.next_step * static_cast<size_t>(tile.groups);
    tile.activations += now * parts_of(SCALES) * CHUNK_GROUPS;
    tile.products += static_cast<size_t>(now) * tile.stride;
  }
}

int64_t chunks_of(int64_t columns) {
  constexpr int64_t CHUNK_COLUMNS = CHUNK_GROUPS * GROUP_COLUMNS;
  return (columns + CHUNK_COLUMNS - 1) / CHUNK_COLUMNS;
}

struct Problem {
  const WeightShape* shape;
  const uint8_t* weights;
  const ActivationGroup* activations;
  int64_t tokens;
  const Products* products;
};

template <typename Block>
void multiply_panel(const Problem& problem, const Part& part, int64_t panel) {
  alignas(64) Chunk chunk;
  const int64_t groups = problem.shape->columns / GROUP_COLUMNS;
  const int64_t first_row = panel * PANEL_ROWS;
  Tile tile{};
  tile.chunk = &chunk;
  tile.stride = problem.products->stride;
  tile.products = problem.products->values + static_cast<size_t>(part.first_token) * tile.stride + first_row;
  tile.rows[0] = first_rows(problem.shape->rows - first_row);
  tile.rows[1] = first_rows(problem.shape->rows - first_row - 16);
  for (int64_t at = part.first_chunk; at < part.last_chunk; ++at) {
    const int64_t first_group = at * CHUNK_GROUPS;
    tile.groups = least(groups - first_group, CHUNK_GROUPS);
    tile.starts = at == 0;
    tile.activations =
        problem.activations + (at * problem.tokens + part.first_token) * parts_of(Block::SCALES) * CHUNK_GROUPS;
    const uint8_t* packed =
        problem.weights + static_cast<size_t>((panel * groups + first_group) / Block::GROUPS) * Block::BYTES;
    const size_t bytes = static_cast<size_t>(tile.groups / Block::GROUPS) * Block::BYTES;
    for (int64_t group = 0; group < tile.groups; group += Block::GROUPS, packed += Block::BYTES)
      Block::expand(packed, chunk.quads + group * GROUP_BYTES, chunk.scales + group * GROUP_SCALES);
    multiply_chunk<Block::SCALES>(tile, part.tokens, packed, bytes);
  }
}

template <typename Block>
void multiply_panels(const Problem& problem, int64_t first, int64_t last) {
  const int64_t chunks = chunks_of(problem.shape->columns);
  const int64_t blocks = (problem.tokens + MOST_TOKENS - 1) / MOST_TOKENS;
  Part part{};
  for (int64_t left = blocks; left > 0; --left, part.first_token += part.tokens) {
    // As even as can be.
    part.tokens = (problem.tokens - part.first_token + left - 1) / left;
    const int64_t chunk_bytes =
        part.tokens * parts_of(Block::SCALES) * CHUNK_GROUPS * static_cast<int64_t>(sizeof(ActivationGroup));
    for (part.first_chunk = 0; part.first_chunk < chunks; part.first_chunk = part.last_chunk) {
      part.last_chunk = least(chunks, part.first_chunk + CACHED_ACTIVATIONS / chunk_bytes);
      for (int64_t panel = first; panel < last; ++panel) multiply_panel<Block>(problem, part, panel);
    }
  }
}

bool takes(const WeightShape& shape) {
  return is_quantised(shape.type) && shape.rows > 0 && shape.columns > 0 &&
         shape.columns % block_length(shape.type) == 0;
}

size_t weight_bytes(const WeightShape& shape) {
  const int64_t panels = (shape.rows + PANEL_ROWS - 1) / PANEL_ROWS;
  return static_cast<size_t>(panels * (shape.columns / block_length(shape.type))) * packed_block_bytes(shape.type);
}

/** Packed as ActivationGroup[chunks][tokens][parts][CHUNK_GROUPS]: what a tile reads is contiguous. */
size_t activation_bytes(WeightType type, int64_t tokens, int64_t columns) {
  const int64_t rows = tokens * parts_of(scales_of(type));
  return static_cast<size_t>(rows * chunks_of(columns) * CHUNK_GROUPS) * sizeof(ActivationGroup);
}

template <Scales SCALES>
void pack_tokens(const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
  constexpr int64_t ROW = parts_of(SCALES) * CHUNK_GROUPS;
  const int64_t groups = input.columns / GROUP_COLUMNS;
  for (int64_t token = first; token < last; ++token) {
    const float* values = input.values + static_cast<size_t>(token) * input.stride;
    ActivationGroup* chunk = reinterpret_cast<ActivationGroup*>(packed) + token * ROW;
    for (int64_t at = 0; at < groups; at += CHUNK_GROUPS, chunk += input.tokens * ROW) {
      const int64_t end = least(groups - at, CHUNK_GROUPS);
      for (int64_t group = 0; group < end; group += BATCH, values += BATCH * GROUP_COLUMNS) {
        const int64_t count = least(end - group, BATCH);
        if constexpr (SCALES == Scales::PARTS)
          round_parts(values, count, chunk + group, chunk + CHUNK_GROUPS + group);
        else
          round_groups<SCALES>(values, count, chunk + group);
      }
    }
  }
}

void pack_activations(WeightType type, const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
  switch (scales_of(type)) {
    case Scales::OFFSET:
      return pack_tokens<Scales::OFFSET>(input, packed, first, last);
    case Scales::PARTS:
      return pack_tokens<Scales::PARTS>(input, packed, first, last);
    case Scales::MINIMA:
      return pack_tokens<Scales::MINIMA>(input, packed, first, last);
    case Scales::HALVES:
      return pack_tokens<Scales::HALVES>(input, packed, first, last);
  }
}

void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
              const Products& products, int64_t first, int64_t last) {
  const Problem problem{&shape, weights, reinterpret_cast<const ActivationGroup*>(activations), tokens, &products};
  switch (shape.type) {
    case WeightType::Q4_0:
      return multiply_panels<BlockOfQ4_0>(problem, first, last);
    case WeightType::Q8_0:
      return multiply_panels<BlockOfQ8_0>(problem, first, last);
    case WeightType::Q4_K:
      return multiply_panels<BlockOfQ4_K>(problem, first, last);
    case WeightType::Q5_K:
      return multiply_panels<BlockOfQ5_K>(problem, first, last);
    case WeightType::Q6_K:
      return multiply_panels<BlockOfQ6_K>(problem, first, last);
    default:
      return;
  }
}

}  // namespace

const GemmKernel avx512_vnni_gemm{"avx512-vnni",    PANEL_ROWS,       1,       takes, weight_bytes, pack_weights,
                                  activation_bytes, pack_activations, multiply};

}  // namespace starling::prefill
