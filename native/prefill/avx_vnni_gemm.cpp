#include "prefill/avx2_quantised.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

namespace {

/** vpdpbusd adds four products to each 32-bit sum, without saturation. */
struct Dpbusd {
  static constexpr int TOKENS = 3;
  using ForQ8_0 = FormatQ8_0;

  static int32_t start(PairSums sums, int offset) { return -offset * (sums.first + sums.last); }

  template <class F, int TOKENS>
  static void group(const uint8_t* weights, const Tokens& tokens, __m256i (&dots)[TOKENS][2]) {
    for (int token = 0; token < TOKENS; ++token)
      dots[token][0] = dots[token][1] =
          F::OFFSET == 0 ? _mm256_setzero_si256() : broadcast_integer(tokens.groups + token * tokens.stride);
#pragma GCC unroll 8
    for (int step = 0; step < F::GROUP_STEPS; ++step) {
      const __m256i low = load(weights + step * 64);
      const __m256i high = load(weights + step * 64 + 32);
#pragma GCC unroll 8
      for (int token = 0; token < TOKENS; ++token) {
        const __m256i values = broadcast_integer(tokens.integers + token * tokens.stride + step * 4);
        dots[token][0] = _mm256_dpbusd_avx_epi32(dots[token][0], low, values);
        dots[token][1] = _mm256_dpbusd_avx_epi32(dots[token][1], high, values);
      }
    }
  }
};

using Kernel = Quantised<Dpbusd>;

/** Not Q8_0: the AVX2 kernel, whose activations have 16 bits, is more exact and still faster than llama.cpp's. */
bool takes(const WeightShape& shape) { return shape.type != WeightType::Q8_0 && Kernel::takes(shape); }

}  // namespace

const GemmKernel avx_vnni_gemm{"avx-vnni",
                               PANEL_ROWS,
                               1,
                               takes,
                               Kernel::weight_bytes,
                               Kernel::pack_weights,
                               Kernel::activation_bytes,
                               Kernel::pack_activations,
                               Kernel::multiply};

}  // namespace starling::prefill
