#pragma once

#include "prefill/amx_bf16_packing.h"
#include "prefill/tiles.h"

/**
 * Products in bfloat16 tiles. Compact weights are expanded into a panel that stays in the L2 cache while it is
 * multiplied with many tokens: read from memory as tiles they would be two to four times the bytes.
 */
namespace starling::prefill {
namespace {

/** Of 32 columns; how many are multiplied before the next are expanded (16 for types in one part). */
constexpr int64_t STEPS_PER_CHUNK = 16;

/**
 * Tokens that share an expanded chunk, about 256: more share its cost, until their sums and activations leave the
 * cache. A few blocks more than a group has do not become one of their own.
 */
constexpr int64_t BLOCKS_PER_GROUP = 8;
constexpr int64_t MOST_BLOCKS = BLOCKS_PER_GROUP + BLOCKS_PER_GROUP / 2 - 1;

inline int64_t groups_of(int64_t blocks) {
  return blocks <= MOST_BLOCKS ? smaller(blocks, 1) : (blocks + BLOCKS_PER_GROUP / 2) / BLOCKS_PER_GROUP;
}

/** Of 32 tokens and 32 rows, as tiles. */
struct alignas(64) BlockSums {
  float tiles[2][2][TILE_ROWS][TILE_ROWS];
};

/** A thread's own: 32 KB of expanded weights and 44 KB of sums, too much for the small stacks of some threads. */
struct Scratch {
  alignas(64) uint8_t panel[STEPS_PER_CHUNK * 2 * TILE_BYTES];
  BlockSums sums[MOST_BLOCKS];
};

thread_local Scratch scratch;

/**
 * Tiles 0 to 3 hold the sums of 32 tokens and 32 rows, 4 and 5 activations, 6 and 7 weights. Between loads and products
 * as much as can be is independent, so that the processor does both at once.
 */
inline void add_products_of_pairs(const uint8_t* activations, const uint8_t* weights) {
  load_tile<4>(activations, 64);
  load_tile<6>(weights, 64);
  add_products<0, 4, 6>();
  load_tile<7>(weights + TILE_BYTES, 64);
  add_products<1, 4, 7>();
  load_tile<5>(activations + TILE_BYTES, 64);
  add_products<2, 5, 6>();
  add_products<3, 5, 7>();
}

/** With the weights that are loaded. */
inline void add_products_of_activations(const uint8_t* activations) {
  load_tile<4>(activations, 64);
  add_products<0, 4, 6>();
  add_products<1, 4, 7>();
  load_tile<5>(activations + TILE_BYTES, 64);
  add_products<2, 5, 6>();
  add_products<3, 5, 7>();
}

/** With the activations that are loaded. */
inline void add_products_of_weights(const uint8_t* weights) {
  load_tile<6>(weights, 64);
  add_products<0, 4, 6>();
  add_products<2, 5, 6>();
  load_tile<7>(weights + TILE_BYTES, 64);
  add_products<1, 4, 7>();
  add_products<3, 5, 7>();
}

/** Adds the products of 32 columns. */
template <int Parts>
inline void add_step(const uint8_t* activations, const uint8_t* weights) {
  constexpr size_t LOW = 2 * TILE_BYTES;
  if constexpr (Parts == 1) {
    add_products_of_pairs(activations, weights);
  } else {
    // Products of two low parts are left out: they are as small as what rounding to two parts has lost.
    add_products_of_pairs(activations + LOW, weights);
    add_products_of_activations(activations);
    add_products_of_weights(weights + LOW);
  }
}

inline void load_sums(const BlockSums& sums) {
  load_tile<0>(sums.tiles[0][0], 64);
  load_tile<1>(sums.tiles[0][1], 64);
  load_tile<2>(sums.tiles[1][0], 64);
  load_tile<3>(sums.tiles[1][1], 64);
}

inline void store_sums(BlockSums& sums) {
  store_tile<0>(sums.tiles[0][0], 64);
  store_tile<1>(sums.tiles[0][1], 64);
  store_tile<2>(sums.tiles[1][0], 64);
  store_tile<3>(sums.tiles[1][1], 64);
}

inline void zero_sums() {
  zero_tile<0>();
  zero_tile<1>();
  zero_tile<2>();
  zero_tile<3>();
}

/** A part of the products: tokens and rows from these on, as many as there are. */
struct Target {
  float* values;
  size_t stride;
  int64_t tokens;
  int64_t rows;
};

/** Needs 32 tokens and 32 rows. */
inline void store_products(const Target& target) {
  const size_t stride = target.stride * sizeof(float);
  float* others = target.values + TILE_ROWS * target.stride;
  store_tile<0>(target.values, stride);
  store_tile<1>(target.values + TILE_ROWS, stride);
  store_tile<2>(others, stride);
  store_tile<3>(others + TILE_ROWS, stride);
}

inline void copy_products(const BlockSums& sums, const Target& target) {
  for (int64_t token = 0; token < smaller(target.tokens, BLOCK_TOKENS); ++token)
    for (int64_t row = 0; row < target.rows; row += TILE_ROWS) {
      const size_t bytes = static_cast<size_t>(smaller(target.rows - row, TILE_ROWS)) * sizeof(float);
      std::memcpy(target.values + static_cast<size_t>(token) * target.stride + row,
                  sums.tiles[token / TILE_ROWS][row / TILE_ROWS][token % TILE_ROWS], bytes);
    }
}

/** Some steps of a panel, in tiles. */
struct Chunk {
  const uint8_t* weights;
  int64_t steps;
  bool first;
  bool last;
};

/** Multiplies a chunk with a block of tokens; between chunks the sums are kept in memory, in full. */
template <int Parts>
void multiply_block(const Chunk& chunk, const uint8_t* activations, BlockSums& sums, const Target& target) {
  constexpr size_t STEP_BYTES = Parts * 2 * TILE_BYTES;
  if (chunk.first)
    zero_sums();
  else
    load_sums(sums);
  const uint8_t* weights = chunk.weights;
  for (int64_t step = 0; step < chunk.steps; ++step, activations += STEP_BYTES, weights += STEP_BYTES)
    add_step<Parts>(activations, weights);
  if (chunk.last && target.tokens >= BLOCK_TOKENS && target.rows == PANEL_ROWS) return store_products(target);
  store_sums(sums);
  if (chunk.last) copy_products(sums, target);
}

/** The expanded tiles of so many steps. */
template <class Format>
const uint8_t* expanded(const uint8_t* packed, int64_t steps) {
  if constexpr (Format::EXPANDS) {
    uint8_t* tile = scratch.panel;
    for (int64_t step = 0; step < steps; ++step, tile += Format::PARTS * 2 * TILE_BYTES) {
      Format::expand(packed, tile);
      Format::expand(packed + Format::PACKED_BYTES, tile + TILE_BYTES);
      packed += 2 * Format::PACKED_BYTES;
    }
    return scratch.panel;
  } else {
    return packed;
  }
}

/** What multiply() gets. */
struct Multiplication {
  WeightShape shape;
  const uint8_t* weights;
  const uint8_t* activations;
  int64_t tokens;
  Products products;
};

/** Which steps of which panel, for which blocks of tokens. */
struct Place {
  int64_t panel;
  int64_t first_step;
  int64_t last_step;
  int64_t first_block;
  int64_t last_block;
};

/** @param packed its weights @param following bytes behind them, for the next chunks */
template <class Format>
void multiply_chunk(const Multiplication& all, const Place& place, const uint8_t* packed, int64_t following) {
  const int64_t steps = place.last_step - place.first_step;
  const int64_t bytes = steps * static_cast<int64_t>(2 * Format::PACKED_BYTES);
  const Chunk chunk{expanded<Format>(packed, steps), steps, place.first_step == 0,
                    place.last_step == all.shape.columns / TILE_COLUMNS};
  const int64_t row = place.panel * PANEL_ROWS;
  const size_t bytes_of_block = block_bytes(all.shape.type, all.shape.columns);
  const size_t first_byte = static_cast<size_t>(place.first_step) * Format::PARTS * 2 * TILE_BYTES;
  // With every block of tokens a share of the next chunk is fetched into the cache.
  const uint8_t* next = packed + bytes;
  const int64_t share = smaller(bytes, following) / (place.last_block - place.first_block);
  for (int64_t block = place.first_block; block < place.last_block; ++block, next += share) {
    for (int64_t at = 0; at < share; at += 64) __builtin_prefetch(next + at, 0, 2);
    const int64_t token = block * BLOCK_TOKENS;
    const Target target{all.products.values + static_cast<size_t>(token) * all.products.stride + row,
                        all.products.stride, all.tokens - token, smaller(all.shape.rows - row, PANEL_ROWS)};
    multiply_block<Format::PARTS>(chunk, all.activations + static_cast<size_t>(block) * bytes_of_block + first_byte,
                                  scratch.sums[block - place.first_block], target);
  }
}

template <class Format>
void multiply_panels(const Multiplication& all, int64_t first, int64_t last) {
  constexpr int64_t CHUNK = STEPS_PER_CHUNK / Format::PARTS;
  constexpr int64_t STEP_BYTES = 2 * Format::PACKED_BYTES;
  const int64_t steps = all.shape.columns / TILE_COLUMNS;
  const int64_t blocks = (all.tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;
  const uint8_t* end = all.weights + last * steps * STEP_BYTES;
  const int64_t groups = groups_of(blocks);
  for (int64_t group = 0; group < groups; ++group) {
    const uint8_t* packed = all.weights + first * steps * STEP_BYTES;
    for (int64_t panel = first; panel < last; ++panel)
      for (int64_t step = 0; step < steps; step += CHUNK) {
        const Place place{panel, step, smaller(step + CHUNK, steps), blocks * group / groups,
                          blocks * (group + 1) / groups};
        const int64_t bytes = (place.last_step - step) * STEP_BYTES;
        multiply_chunk<Format>(all, place, packed, end - packed - bytes);
        packed += bytes;
      }
  }
}

inline void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
                     const Products& products, int64_t first, int64_t last) {
  const Multiplication all{shape, weights, activations, tokens, products};
  const TileConfiguration before = use_full_tiles();
  with_format(shape.type, [&](auto format) { multiply_panels<decltype(format)>(all, first, last); });
  restore_tiles(before);
}

constexpr GemmKernel bf16_kernel(const char* name) {
  return {name,         PANEL_ROWS,       BLOCK_TOKENS,     takes,   weight_bytes,
          pack_weights, activation_bytes, pack_activations, multiply};
}

}  // namespace
}  // namespace starling::prefill
