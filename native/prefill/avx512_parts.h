#pragma once

#include <immintrin.h>

#include <cstdint>

/** How the AVX-512 kernels divide their work. In an anonymous namespace: each file is compiled with its own flags. */
namespace starling::prefill {

namespace {

/** The lowest `count` of 16 rows. */
__mmask16 first_rows(int64_t count) {
  if (count <= 0) return 0;
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : (1U << count) - 1);
}

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/** Tokens and chunks whose activations fit into the second-level cache. */
struct Part {
  int64_t first_token;
  int64_t tokens;
  int64_t first_chunk;
  int64_t last_chunk;
};

}  // namespace

}  // namespace starling::prefill
