#include "prefill/decode_weights.h"

#include <cstring>

namespace starling::prefill {

namespace {

/** Block layouts of ggml-common.h, in bytes. */
struct Layout {
  int64_t length;
  size_t bytes;
};

Layout layout_of(WeightType type) {
  switch (type) {
    case WeightType::Q4_0:
      return {32, 2 + 16};
    case WeightType::Q8_0:
      return {32, 2 + 32};
    case WeightType::Q4_K:
      return {256, 4 + 12 + 128};
    case WeightType::Q5_K:
      return {256, 4 + 12 + 32 + 128};
    case WeightType::Q6_K:
      return {256, 128 + 64 + 16 + 2};
    default:
      return {1, 2};
  }
}

uint16_t half_at(const uint8_t* bytes) {
  uint16_t half = 0;
  std::memcpy(&half, bytes, sizeof half);
  return half;
}

float float_of_bits(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float float_of_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 31U;
  const uint32_t mantissa = half & 0x3FFU;
  if (exponent == 31) return float_of_bits(sign | 0x7F800000U | mantissa << 13);
  if (exponent > 0) return float_of_bits(sign | (exponent + 112) << 23 | mantissa << 13);
  // Subnormal: mantissa * 2^-24, exact in float32.
  const float magnitude = static_cast<float>(mantissa) * float_of_bits(103U << 23);
  return sign == 0 ? magnitude : -magnitude;
}

void fill(float* values, int64_t count, float value) {
  for (int64_t i = 0; i < count; ++i) values[i] = value;
}

void decode_q8_0(const uint8_t* row, int64_t columns, const DecodedRow& decoded) {
  for (int64_t at = 0; at < columns; at += 32, row += 34) {
    fill(decoded.scales + at / GROUP, 2, float_of_half(half_at(row)));
    std::memcpy(decoded.values + at, row + 2, 32);
  }
}

void decode_q4_0(const uint8_t* row, int64_t columns, const DecodedRow& decoded) {
  for (int64_t at = 0; at < columns; at += 32, row += 18) {
    fill(decoded.scales + at / GROUP, 2, float_of_half(half_at(row)));
    for (int64_t i = 0; i < 16; ++i) {
      decoded.values[at + i] = static_cast<int8_t>((row[2 + i] & 15) - 8);
      decoded.values[at + 16 + i] = static_cast<int8_t>((row[2 + i] >> 4) - 8);
    }
  }
}

/** The scale and the minimum of a group of 32 in a block of Q4_K or Q5_K: twelve bytes hold eight pairs of 6 bits. */
void scale_and_minimum(const uint8_t* packed, int64_t group, int& scale, int& minimum) {
  if (group < 4) {
    scale = packed[group] & 63;
    minimum = packed[group + 4] & 63;
  } else {
    scale = (packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4;
    minimum = (packed[group + 4] >> 4) | (packed[group] >> 6) << 4;
  }
}

/** Q4_K, and Q5_K with a fifth bit for each value. */
void decode_with_minima(const uint8_t* row, int64_t columns, bool fifth_bit, const DecodedRow& decoded) {
  const size_t block = fifth_bit ? 176 : 144;
  for (int64_t at = 0; at < columns; at += 256, row += block) {
    const float scale_unit = float_of_half(half_at(row));
    const float minimum_unit = float_of_half(half_at(row + 2));
    const uint8_t* fifth = row + 16;
    const uint8_t* low = row + (fifth_bit ? 48 : 16);
    for (int64_t group = 0; group < 8; ++group) {
      int scale = 0;
      int minimum = 0;
      scale_and_minimum(row + 4, group, scale, minimum);
      const int64_t first = (at + group * 32) / GROUP;
      fill(decoded.scales + first, 2, scale_unit * static_cast<float>(scale));
      fill(decoded.minima + first, 2, minimum_unit * static_cast<float>(minimum));
      // Loops without conditions, for compilers to turn into vectors.
      const uint8_t* nibbles = low + group / 2 * 32;
      int8_t* values = decoded.values + at + group * 32;
      if (group % 2 == 0)
        for (int64_t i = 0; i < 32; ++i) values[i] = static_cast<int8_t>(nibbles[i] & 15);
      else
        for (int64_t i = 0; i < 32; ++i) values[i] = static_cast<int8_t>(nibbles[i] >> 4);
      const int bit = 1 << group;
      if (fifth_bit)
        for (int64_t i = 0; i < 32; ++i) values[i] = static_cast<int8_t>(values[i] | ((fifth[i] & bit) != 0 ? 16 : 0));
    }
  }
}

void decode_q6_k(const uint8_t* row, int64_t columns, const DecodedRow& decoded) {
  for (int64_t at = 0; at < columns; at += 256, row += 210) {
    const float unit = float_of_half(half_at(row + 208));
    for (int64_t group = 0; group < 16; ++group)
      decoded.scales[at / GROUP + group] = unit * static_cast<float>(static_cast<int8_t>(row[192 + group]));
    for (int64_t half = 0; half < 2; ++half) {
      const uint8_t* low = row + half * 64;
      const uint8_t* high = row + 128 + half * 32;
      int8_t* values = decoded.values + at + half * 128;
      for (int64_t i = 0; i < 32; ++i) {
        values[i] = static_cast<int8_t>(((low[i] & 15) | (high[i] & 3) << 4) - 32);
        values[32 + i] = static_cast<int8_t>(((low[32 + i] & 15) | (high[i] >> 2 & 3) << 4) - 32);
        values[64 + i] = static_cast<int8_t>((low[i] >> 4 | (high[i] >> 4 & 3) << 4) - 32);
        values[96 + i] = static_cast<int8_t>((low[32 + i] >> 4 | high[i] >> 6 << 4) - 32);
      }
    }
  }
}

}  // namespace

bool is_quantised(WeightType type) { return type != WeightType::F16 && type != WeightType::BF16; }

int64_t block_length(WeightType type) { return layout_of(type).length; }

size_t row_bytes(WeightType type, int64_t columns) {
  const Layout layout = layout_of(type);
  return static_cast<size_t>(columns / layout.length) * layout.bytes;
}

void decode_row(WeightType type, const uint8_t* row, int64_t columns, const DecodedRow& decoded) {
  fill(decoded.minima, columns / GROUP, 0);
  switch (type) {
    case WeightType::Q4_0:
      return decode_q4_0(row, columns, decoded);
    case WeightType::Q8_0:
      return decode_q8_0(row, columns, decoded);
    case WeightType::Q4_K:
      return decode_with_minima(row, columns, false, decoded);
    case WeightType::Q5_K:
      return decode_with_minima(row, columns, true, decoded);
    case WeightType::Q6_K:
      return decode_q6_k(row, columns, decoded);
    default:
      return;
  }
}

void decode_floats(WeightType type, const uint8_t* row, int64_t columns, float* values) {
  for (int64_t i = 0; i < columns; ++i) {
    const uint16_t bits = half_at(row + 2 * i);
    values[i] = type == WeightType::BF16 ? float_of_bits(static_cast<uint32_t>(bits) << 16) : float_of_half(bits);
  }
}

}  // namespace starling::prefill
