#include "prefill/avx2_floats.h"
#include "prefill/avx2_quantised.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** GCC would add later and keep all products until then, which do not fit in registers. */
void add_now(__m256i& sum) { __asm__("" : "+x"(sum)); }

/** Two bytes of activations for a byte of weights: 16-bit products would overflow with all eight bits of Q8_0. */
template <class F, int TOKENS>
void group_of_words(const uint8_t* weights, const Tokens& tokens, __m256i (&dots)[TOKENS][2]) {
#pragma GCC unroll 16
  for (int step = 0; step < F::GROUP_STEPS; ++step) {
    const __m256i low = load(weights + step * 64);
    const __m256i high = load(weights + step * 64 + 32);
#pragma GCC unroll 8
    for (int token = 0; token < TOKENS; ++token) {
      const __m256i values = broadcast_integer(tokens.integers + token * tokens.stride + step * 4);
      const __m256i first = _mm256_madd_epi16(low, values);
      const __m256i last = _mm256_madd_epi16(high, values);
      dots[token][0] = step == 0 ? first : _mm256_add_epi32(dots[token][0], first);
      dots[token][1] = step == 0 ? last : _mm256_add_epi32(dots[token][1], last);
      add_now(dots[token][0]);
      add_now(dots[token][1]);
    }
  }
}

/**
 * Sums of products in 16 bits. With integers up to 127, vpmaddubsw never saturates: its sums of two products are at
 * most 2 * 127 * 63 = 16002. A run of steps is summed before it is widened: with four bits, eight steps make at most
 * 8 * 2 * 127 * 15 = 30480; with five, four steps make 31496. With an offset a run starts at minus the offset times the
 * activations; 16-bit additions wrap, and the end fits: 8 * 2 * 127 * 8 = 16256 for Q4_0, 4 * 2 * 127 * 32 = 32512 for
 * Q6_K.
 */
struct Maddubs {
  static constexpr int TOKENS = 3;
  using ForQ8_0 = FormatWideQ8_0;

  static int32_t start(PairSums sums, int offset) {
    const auto first = static_cast<uint16_t>(-offset * sums.first);
    const auto last = static_cast<uint16_t>(-offset * sums.last);
    return static_cast<int32_t>(static_cast<uint32_t>(last) << 16 | first);
  }

  template <class F, int TOKENS>
  static void run(const uint8_t* weights, const Tokens& tokens, int first_step, __m256i (&sums)[TOKENS][2]) {
    constexpr int STEPS = F::BITS == 4 ? 8 : 4;
    if constexpr (F::OFFSET != 0)
      for (int token = 0; token < TOKENS; ++token)
        sums[token][0] = sums[token][1] = broadcast_integer(tokens.groups + token * tokens.stride);
#pragma GCC unroll 8
    for (int step = 0; step < STEPS; ++step) {
      const __m256i low = load(weights + (first_step + step) * 64);
      const __m256i high = load(weights + (first_step + step) * 64 + 32);
#pragma GCC unroll 8
      for (int token = 0; token < TOKENS; ++token) {
        const __m256i values = broadcast_integer(tokens.integers + token * tokens.stride + (first_step + step) * 4);
        const __m256i first = _mm256_maddubs_epi16(low, values);
        const __m256i last = _mm256_maddubs_epi16(high, values);
        const bool begins = F::OFFSET == 0 && step == 0;
        sums[token][0] = begins ? first : _mm256_add_epi16(sums[token][0], first);
        sums[token][1] = begins ? last : _mm256_add_epi16(sums[token][1], last);
        add_now(sums[token][0]);
        add_now(sums[token][1]);
      }
    }
  }

  template <class F, int TOKENS>
  static void group(const uint8_t* weights, const Tokens& tokens, __m256i (&dots)[TOKENS][2]) {
    if constexpr (F::VALUE_BYTES == 2) {
      group_of_words<F, TOKENS>(weights, tokens, dots);
    } else {
      constexpr int STEPS = F::BITS == 4 ? 8 : 4;
      const __m256i ones = _mm256_set1_epi16(1);
      for (int first = 0; first < F::GROUP_STEPS; first += STEPS) {
        __m256i sums[TOKENS][2];
        run<F, TOKENS>(weights, tokens, first, sums);
        for (int token = 0; token < TOKENS; ++token) {
          for (int half = 0; half < 2; ++half) {
            const __m256i wide = _mm256_madd_epi16(sums[token][half], ones);
            dots[token][half] = first == 0 ? wide : _mm256_add_epi32(dots[token][half], wide);
          }
        }
      }
    }
  }
};

using Integers = Quantised<Maddubs>;

bool takes(const WeightShape& shape) { return Integers::takes(shape) || Floats::takes(shape); }

size_t weight_bytes(const WeightShape& shape) {
  return is_quantised(shape.type) ? Integers::weight_bytes(shape) : Floats::weight_bytes(shape);
}

void pack_weights(const WeightShape& shape, const uint8_t* weights, uint8_t* packed, int64_t first, int64_t last) {
  const auto pack = is_quantised(shape.type) ? Integers::pack_weights : Floats::pack_weights;
  pack(shape, weights, packed, first, last);
}

size_t activation_bytes(WeightType type, int64_t tokens, int64_t columns) {
  const auto bytes = is_quantised(type) ? Integers::activation_bytes : Floats::activation_bytes;
  return bytes(type, tokens, columns);
}

void pack_activations(WeightType type, const Activations& input, uint8_t* packed, int64_t first, int64_t last) {
  const auto pack = is_quantised(type) ? Integers::pack_activations : Floats::pack_activations;
  pack(type, input, packed, first, last);
}

void multiply(const WeightShape& shape, const uint8_t* weights, const uint8_t* activations, int64_t tokens,
              const Products& products, int64_t first, int64_t last) {
  const auto multiply = is_quantised(shape.type) ? Integers::multiply : Floats::multiply;
  multiply(shape, weights, activations, tokens, products, first, last);
}

}  // namespace

const GemmKernel avx2_gemm{"avx2",           PANEL_ROWS,       1,       takes, weight_bytes, pack_weights,
                           activation_bytes, pack_activations, multiply};

}  // namespace starling::prefill
