#include <immintrin.h>

#include <cstring>

#include "prefill/avx512_vnni_panel.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** Activations are rounded to 8 bits with a scale for each group of 32 columns. */
struct ActivationGroup {
  int8_t values[GROUP_COLUMNS];
  /** What one unit of `values` is worth; NaN if an activation is not finite. */
  float scale;
  /** With minima: the sum of `values`. With halves: the start of the second half's sums, as int32. */
  float sum;
  /** Where integer sums start, see FLOAT_ZERO. */
  int32_t start;
};

/**
 * The bits of 1.5 * 2^23, the middle of the floats that are 1 apart: an integer below 2^22 that was added to these bits
 * can be read as the float 1.5 * 2^23 + integer. That saves a conversion: fma(f, scale, -1.5 * 2^23 * scale) is
 * scale * integer, rounded once, because the scales of all types have at most 19 significant bits.
 */
constexpr int32_t FLOAT_ZERO = 0x4B400000;
constexpr float FLOAT_ZERO_VALUE = 12582912.0F;

/** Groups of a panel that are expanded at once: with their scales they stay in the first-level cache. */
constexpr int64_t CHUNK_GROUPS = 24;
static_assert(CHUNK_GROUPS % 8 == 0, "a block of 256 columns is expanded whole");

/** Bytes of packed activations that stay in the second-level cache while all panels pass. */
constexpr int64_t CACHED_ACTIVATIONS = 1 << 20;

struct Chunk {
  alignas(64) uint8_t quads[CHUNK_GROUPS * GROUP_BYTES];
  alignas(64) float scales[CHUNK_GROUPS * GROUP_SCALES];
};

/** A chunk's part of the products of a few tokens with a panel. */
struct Tile {
  const Chunk* chunk;
  int64_t groups;
  const ActivationGroup* activations;
  int64_t token_groups;
  float* products;
  size_t stride;
  __mmask16 rows[2];
  /** The first chunk starts at zero, the others add to the products. */
  bool starts;
};

__m512i broadcast(const int8_t* four) {
  int32_t bits = 0;
  std::memcpy(&bits, four, sizeof bits);
  return _mm512_set1_epi32(bits);
}

int32_t start_of_second_half(const ActivationGroup& group) {
  int32_t start = 0;
  std::memcpy(&start, &group.sum, sizeof start);
  return start;
}

template <int TOKENS>
using Sums = __m512i[TOKENS][2];

/** Adds the products of four columns at a time, QUADS times. */
template <int TOKENS, int QUADS>
inline __attribute__((always_inline)) void add_products(const uint8_t* quads, const ActivationGroup* group,
                                                        int64_t token_groups, int first_quad, Sums<TOKENS>& sums) {
#pragma GCC unroll 8
  for (int quad = first_quad; quad < first_quad + QUADS; ++quad) {
    const __m512i low = _mm512_load_si512(quads + quad * 128);
    const __m512i high = _mm512_load_si512(quads + quad * 128 + 64);
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const __m512i four = broadcast(group[token * token_groups].values + quad * 4);
      sums[token][0] = _mm512_dpbusd_epi32(sums[token][0], low, four);
      sums[token][1] = _mm512_dpbusd_epi32(sums[token][1], high, four);
    }
  }
}

/** One group of a tile where 32 columns share a scale. */
template <int TOKENS, bool MINIMA>
inline __attribute__((always_inline)) void add_group(const uint8_t* quads, const float* scales,
                                                     const ActivationGroup* group, int64_t token_groups,
                                                     __m512 (&totals)[TOKENS][2]) {
  Sums<TOKENS> sums;
#pragma GCC unroll 8
  for (int token = 0; token < TOKENS; ++token)
    sums[token][0] = sums[token][1] = _mm512_set1_epi32(group[token * token_groups].start);
  add_products<TOKENS, 8>(quads, group, token_groups, 0, sums);
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const __m512 scale = _mm512_load_ps(scales + half * 16);
    const __m512 zero = _mm512_mul_ps(scale, _mm512_set1_ps(-FLOAT_ZERO_VALUE));
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const ActivationGroup& own = group[token * token_groups];
      __m512 value = _mm512_fmadd_ps(_mm512_castsi512_ps(sums[token][half]), scale, zero);
      if constexpr (MINIMA)
        value = _mm512_fmadd_ps(_mm512_load_ps(scales + 32 + half * 16), _mm512_set1_ps(own.sum), value);
      totals[token][half] = _mm512_fmadd_ps(value, _mm512_set1_ps(own.scale), totals[token][half]);
    }
  }
}

/** One group of a tile where 16 columns share a scale. The zeros of both halves are subtracted at once. */
template <int TOKENS>
inline __attribute__((always_inline)) void add_group_of_halves(const uint8_t* quads, const float* scales,
                                                               const ActivationGroup* group, int64_t token_groups,
                                                               __m512 (&totals)[TOKENS][2]) {
  Sums<TOKENS> first;
  Sums<TOKENS> second;
#pragma GCC unroll 8
  for (int token = 0; token < TOKENS; ++token) {
    first[token][0] = first[token][1] = _mm512_set1_epi32(group[token * token_groups].start);
    second[token][0] = second[token][1] = _mm512_set1_epi32(start_of_second_half(group[token * token_groups]));
  }
  add_products<TOKENS, 4>(quads, group, token_groups, 0, first);
  add_products<TOKENS, 4>(quads, group, token_groups, 4, second);
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
          _mm512_fmadd_ps(value, _mm512_set1_ps(group[token * token_groups].scale), totals[token][half]);
    }
  }
}

template <int TOKENS, Scales SCALES>
void multiply_tile(const Tile& tile) {
  __m512 totals[TOKENS][2];
  for (int token = 0; token < TOKENS; ++token) {
    for (int half = 0; half < 2; ++half) {
      const float* values = tile.products + static_cast<size_t>(token) * tile.stride + half * 16;
      totals[token][half] = tile.starts ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(tile.rows[half], values);
    }
  }
  const int64_t token_groups = tile.token_groups;
  const uint8_t* quads = tile.chunk->quads;
  const float* scales = tile.chunk->scales;
  const ActivationGroup* const end = tile.activations + tile.groups;
  for (const ActivationGroup* group = tile.activations; group < end; ++group) {
    if constexpr (SCALES == Scales::HALVES)
      add_group_of_halves<TOKENS>(quads, scales, group, token_groups, totals);
    else
      add_group<TOKENS, SCALES == Scales::MINIMA>(quads, scales, group, token_groups, totals);
    quads += GROUP_BYTES;
    scales += GROUP_SCALES;
  }
  for (int token = 0; token < TOKENS; ++token) {
    for (int half = 0; half < 2; ++half) {
      float* values = tile.products + static_cast<size_t>(token) * tile.stride + half * 16;
      _mm512_mask_storeu_ps(values, tile.rows[half], totals[token][half]);
    }
  }
}

/** What fits into 32 registers: totals and sums of so many tokens, and twice the sums with halves. */
constexpr int64_t tile_tokens(Scales scales) { return scales == Scales::HALVES ? 4 : 6; }

template <Scales SCALES>
void multiply_tokens(const Tile& tile, int64_t tokens) {
  switch (tokens) {
    case 1:
      return multiply_tile<1, SCALES>(tile);
    case 2:
      return multiply_tile<2, SCALES>(tile);
    case 3:
      return multiply_tile<3, SCALES>(tile);
    case 4:
      return multiply_tile<4, SCALES>(tile);
    default:
      break;
  }
  if constexpr (tile_tokens(SCALES) > 4) {
    if (tokens == 5) return multiply_tile<5, SCALES>(tile);
    multiply_tile<6, SCALES>(tile);
  }
}

/** A chunk with any number of tokens, in tiles as even as can be: many sums at a time hide how long each addition
 * takes. */
template <Scales SCALES>
void multiply_chunk(Tile tile, int64_t tokens) {
  for (int64_t tiles = (tokens + tile_tokens(SCALES) - 1) / tile_tokens(SCALES); tiles > 0; --tiles) {
    const int64_t now = (tokens + tiles - 1) / tiles;
    multiply_tokens<SCALES>(tile, now);
    tokens -= now;
    tile.activations += now * tile.token_groups;
    tile.products += static_cast<size_t>(now) * tile.stride;
  }
}

/** The lowest `count` of 16 rows. */
__mmask16 first_rows(int64_t count) {
  if (count <= 0) return 0;
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1U << count) - 1);
}

template <typename Block>
void multiply_panel(const WeightShape& shape, const uint8_t* panel, int64_t first_row, Tile tile, int64_t tokens) {
  alignas(64) Chunk chunk;
  const int64_t groups = shape.columns / GROUP_COLUMNS;
  const int64_t rows = shape.rows - first_row;
  tile.chunk = &chunk;
  tile.products += first_row;
  tile.rows[0] = first_rows(rows);
  tile.rows[1] = first_rows(rows - 16);
  for (int64_t at = 0; at < groups; at += CHUNK_GROUPS) {
    tile.groups = groups - at < CHUNK_GROUPS ? groups - at : CHUNK_GROUPS;
    for (int64_t group = 0; group < tile.groups; group += Block::GROUPS, panel += Block::BYTES)
      Block::expand(panel, chunk.quads + group * GROUP_BYTES, chunk.scales + group * GROUP_SCALES);
    tile.starts = at == 0;
    multiply_chunk<Block::SCALES>(tile, tokens);
    tile.activations += tile.groups;
  }
}

template <typename Block>
void multiply_blocks(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
                     const Products& products, int64_t first, int64_t last) {
  Tile tile{};
  tile.activations = reinterpret_cast<const ActivationGroup*>(activations);
  tile.token_groups = shape.columns / GROUP_COLUMNS;
  tile.products = products.values;
  tile.stride = products.stride;
  const int64_t fitting = CACHED_ACTIVATIONS / (tile.token_groups * static_cast<int64_t>(sizeof(ActivationGroup)));
  const int64_t at_once = fitting < 48 ? 48 : fitting / 12 * 12;
  const size_t panel_bytes = static_cast<size_t>(tile.token_groups / Block::GROUPS) * Block::BYTES;
  for (int64_t token = 0; token < tokens; token += at_once) {
    const int64_t now = tokens - token < at_once ? tokens - token : at_once;
    for (int64_t panel = first; panel < last; ++panel)
      multiply_panel<Block>(shape, weights + static_cast<size_t>(panel) * panel_bytes, panel * PANEL_ROWS, tile, now);
    tile.activations += now * tile.token_groups;
    tile.products += static_cast<size_t>(now) * tile.stride;
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

size_t activation_bytes(WeightType, int64_t tokens, int64_t columns) {
  const size_t bytes = static_cast<size_t>(tokens * (columns / GROUP_COLUMNS)) * sizeof(ActivationGroup);
  return (bytes + 63) / 64 * 64;
}

float float_of_bits(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/** The largest magnitude. As integers, because float maxima skip NaN: it has the largest bits of all. */
float largest(__m512 low, __m512 high) {
  const __m512i bits =
      _mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(low)), _mm512_castps_si512(_mm512_abs_ps(high)));
  return float_of_bits(_mm512_reduce_max_epu32(bits));
}

void round_group(const float* values, Scales scales, ActivationGroup& group) {
  constexpr float TINY = 0x1p-64F;
  const float not_a_number = float_of_bits(0x7FC00000);
  __m512 low = _mm512_loadu_ps(values);
  __m512 high = _mm512_loadu_ps(values + 16);
  float limit = largest(low, high);
  group.scale = limit / 127;
  // Also false for NaN.
  const bool finite = limit <= 0x1.fffffep127F;
  if (!finite) {
    group.scale = not_a_number;
    low = high = _mm512_setzero_ps();
  }
  if (limit < TINY) {
    // So that 127 / limit stays finite.
    low = _mm512_mul_ps(low, _mm512_set1_ps(0x1p64F));
    high = _mm512_mul_ps(high, _mm512_set1_ps(0x1p64F));
    limit *= 0x1p64F;
  }
  const __m512 factor = _mm512_set1_ps(finite && limit > 0 ? 127 / limit : 0);
  const __m512i first = _mm512_cvtps_epi32(_mm512_mul_ps(low, factor));
  const __m512i second = _mm512_cvtps_epi32(_mm512_mul_ps(high, factor));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(group.values), _mm512_cvtsepi32_epi8(first));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(group.values + 16), _mm512_cvtsepi32_epi8(second));
  const int32_t first_sum = _mm512_reduce_add_epi32(first);
  const int32_t second_sum = _mm512_reduce_add_epi32(second);
  switch (scales) {
    case Scales::OFFSET:
      group.sum = 0;
      group.start = FLOAT_ZERO - VALUE_OFFSET * (first_sum + second_sum);
      return;
    case Scales::MINIMA:
      group.sum = static_cast<float>(first_sum + second_sum);
      group.start = FLOAT_ZERO;
      return;
    case Scales::HALVES:
      group.start = FLOAT_ZERO - VALUE_OFFSET * first_sum;
      group.sum = float_of_bits(static_cast<uint32_t>(FLOAT_ZERO - VALUE_OFFSET * second_sum));
      return;
  }
}

void pack_activations(WeightType type, const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
  const int64_t groups = input.columns / GROUP_COLUMNS;
  ActivationGroup* group = reinterpret_cast<ActivationGroup*>(packed) + first * groups;
  for (int64_t token = first; token < last; ++token) {
    const float* values = input.values + static_cast<size_t>(token) * input.stride;
    for (int64_t at = 0; at < groups; ++at) round_group(values + at * GROUP_COLUMNS, scales_of(type), *group++);
  }
}

void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
              const Products& products, int64_t first, int64_t last) {
  switch (shape.type) {
    case WeightType::Q4_0:
      return multiply_blocks<BlockOfQ4_0>(shape, weights, activations, tokens, products, first, last);
    case WeightType::Q8_0:
      return multiply_blocks<BlockOfQ8_0>(shape, weights, activations, tokens, products, first, last);
    case WeightType::Q4_K:
      return multiply_blocks<BlockOfQ4_K>(shape, weights, activations, tokens, products, first, last);
    case WeightType::Q5_K:
      return multiply_blocks<BlockOfQ5_K>(shape, weights, activations, tokens, products, first, last);
    case WeightType::Q6_K:
      return multiply_blocks<BlockOfQ6_K>(shape, weights, activations, tokens, products, first, last);
    default:
      return;
  }
}

}  // namespace

const GemmKernel avx512_vnni_gemm{"avx512-vnni",    PANEL_ROWS,       1,       takes, weight_bytes, pack_weights,
                                  activation_bytes, pack_activations, multiply};

}  // namespace starling::prefill
