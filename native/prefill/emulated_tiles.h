#pragma once

#include <cstdint>
#include <cstring>

/** For tiles.h: the instructions as Intel's manual defines them. What would be an invalid instruction ends the process.
 */
namespace starling::prefill {
namespace {

struct Tile {
  uint8_t rows[16][64];
};

thread_local Tile tiles[8];
thread_local TileConfiguration configured;

inline void require(bool valid) {
  if (!valid) __builtin_trap();
}

inline void load_configuration(const TileConfiguration& configuration) {
  require(configuration.palette == 1);
  configured = configuration;
  std::memset(tiles, 0, sizeof tiles);
}

inline void store_configuration(TileConfiguration& configuration) { configuration = configured; }

inline void release_tiles() {
  configured = TileConfiguration{};
  std::memset(tiles, 0, sizeof tiles);
}

template <int Number>
inline Tile& configured_tile() {
  require(configured.palette == 1 && configured.rows[Number] > 0 && configured.row_bytes[Number] > 0);
  return tiles[Number];
}

template <int Number>
inline void zero_tile() {
  std::memset(&configured_tile<Number>(), 0, sizeof(Tile));
}

template <int Number>
inline void load_tile(const void* from, size_t stride) {
  Tile& tile = configured_tile<Number>();
  zero_tile<Number>();
  for (size_t row = 0; row < configured.rows[Number]; ++row)
    std::memcpy(tile.rows[row], static_cast<const uint8_t*>(from) + row * stride, configured.row_bytes[Number]);
}

template <int Number>
inline void store_tile(void* to, size_t stride) {
  const Tile& tile = configured_tile<Number>();
  for (size_t row = 0; row < configured.rows[Number]; ++row)
    std::memcpy(static_cast<uint8_t*>(to) + row * stride, tile.rows[row], configured.row_bytes[Number]);
}

/** Subnormal numbers count as zero, as operands and as results. */
inline float flushed(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7F800000U) == 0) bits &= 0x80000000U;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/** bfloat16 at this index, in a row of a tile. */
inline float bfloat16_at(const uint8_t* row, int index) {
  uint32_t bits = 0;
  std::memcpy(reinterpret_cast<uint8_t*>(&bits) + 2, row + 2 * index, 2);
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return flushed(value);
}

/** Products of even and of odd elements are added up apart, one by one, then to the sum. */
template <int Sum, int A, int B>
inline void add_products() {
  Tile& sum = configured_tile<Sum>();
  const Tile& a = configured_tile<A>();
  const Tile& b = configured_tile<B>();
  const int pairs = configured.row_bytes[A] / 4;
  require(configured.rows[B] == pairs && configured.rows[A] == configured.rows[Sum] &&
          configured.row_bytes[B] == configured.row_bytes[Sum]);
  float b_even[16][16];
  float b_odd[16][16];
  for (int k = 0; k < pairs; ++k)
    for (int n = 0; n < 16; ++n) {
      b_even[k][n] = bfloat16_at(b.rows[k], 2 * n);
      b_odd[k][n] = bfloat16_at(b.rows[k], 2 * n + 1);
    }
  for (int m = 0; m < configured.rows[A]; ++m) {
    float even[16] = {};
    float odd[16] = {};
    for (int k = 0; k < pairs; ++k) {
      const float a_even = bfloat16_at(a.rows[m], 2 * k);
      const float a_odd = bfloat16_at(a.rows[m], 2 * k + 1);
      for (int n = 0; n < 16; ++n) {
        even[n] = flushed(__builtin_fmaf(a_even, b_even[k][n], even[n]));
        odd[n] = flushed(__builtin_fmaf(a_odd, b_odd[k][n], odd[n]));
      }
    }
    float sums[16];
    std::memcpy(sums, sum.rows[m], sizeof sums);
    for (int n = 0; n < 16; ++n) sums[n] = flushed(flushed(sums[n]) + flushed(even[n] + odd[n]));
    std::memcpy(sum.rows[m], sums, sizeof sums);
  }
}

}  // namespace
}  // namespace starling::prefill
