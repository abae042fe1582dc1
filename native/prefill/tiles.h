#pragma once

#include <cstddef>
#include <cstdint>

/**
 * Tile registers: eight, each of 16 rows of 64 bytes, which an Intel processor with AMX multiplies by one another. With
 * STARLING_EMULATED_TILES the same functions work on any processor, bit for bit.
 */
namespace starling::prefill {
namespace {

/** The 64 bytes that LDTILECFG reads. Palette 0: nothing is configured. */
struct alignas(64) TileConfiguration {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

}  // namespace
}  // namespace starling::prefill

#if defined(STARLING_EMULATED_TILES)
#include "prefill/emulated_tiles.h"
#else

/**
 * Not with the compiler's intrinsics: gcc's take only literals as numbers of tiles, and do not tell the optimiser that
 * a load reads memory.
 */
namespace starling::prefill {
namespace {

inline void load_configuration(const TileConfiguration& configuration) {
  __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
}

inline void store_configuration(TileConfiguration& configuration) {
  __asm__ volatile("sttilecfg %0" : "=m"(configuration));
}

inline void release_tiles() { __asm__ volatile("tilerelease"); }

template <int Tile>
inline void zero_tile() {
  __asm__ volatile("tilezero %%tmm%c0" ::"i"(Tile));
}

/** @param stride bytes from row to row */
template <int Tile>
inline void load_tile(const void* from, size_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(Tile) : "memory");
}

template <int Tile>
inline void store_tile(void* to, size_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(Tile) : "memory");
}

/**
 * Sum[m][n] += A[m][2k] * B[k][2n] + A[m][2k + 1] * B[k][2n + 1] over all k; Sum has float32, A and B bfloat16.
 */
template <int Sum, int A, int B>
inline void add_products() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sum), "i"(A), "i"(B));
}

}  // namespace
}  // namespace starling::prefill

#endif

namespace starling::prefill {
namespace {

/** Gives all tiles their full size. @returns what the thread had before, for restore_tiles() */
inline TileConfiguration use_full_tiles() {
  TileConfiguration before;
  store_configuration(before);
  TileConfiguration full{};
  full.palette = 1;
  for (int tile = 0; tile < 8; ++tile) {
    full.row_bytes[tile] = 64;
    full.rows[tile] = 16;
  }
  load_configuration(full);
  return before;
}

/** ggml configures the tiles of its threads once and relies on them. */
inline void restore_tiles(const TileConfiguration& before) {
  if (before.palette == 0)
    release_tiles();
  else
    load_configuration(before);
}

}  // namespace
}  // namespace starling::prefill
