#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llama/llama_functions.h"

namespace starling {

/** One tensor that represents all weights of its type and shape in a model. */
struct WeightSample {
  ggml_type type = GGML_TYPE_F32;
  /** Values per row, and rows of the tensor. */
  int64_t columns = 0;
  int64_t rows = 0;
  /** Where the tensor starts in the file, in bytes. */
  uint64_t position = 0;
};

/** Attention: of llama.cpp's kernels the products with keys and with values, of our own flash attention. */
struct AttentionSample {
  /** Of the key-value cache: f32 or f16. */
  ggml_type type = GGML_TYPE_F32;
  /** Values per head. */
  int64_t head_length = 0;
  int64_t heads = 0;
  int64_t key_value_heads = 0;
};

struct KernelCheckOptions {
  std::string path;
  std::vector<WeightSample> samples;
  std::vector<AttentionSample> attention;
  /** Threads per product. */
  int32_t threads = 1;
  /** Whether the CPU library may repack weights (llama.cpp's use_extra_bufts). */
  bool repacked = true;
  /** Our own kernels instead of the library's, where there is one. */
  bool prefill = false;
};

/** How the CPU library multiplies weights of one type and shape, or keys and values. */
struct KernelFinding {
  /**
   * llama.cpp's name of the buffer type, which selects the kernel: "CPU", "CPU_REPACK", "AMX" and others. Of our own
   * kernels the kernel's name; empty where there is none.
   */
  std::string buffer;
  /** What is wrong with the products, half a sentence; empty when they are right. */
  std::string problem;
  /**
   * The smallest of 4, 8, 16 and 32 for which a row has the same bits in every product whose number of rows is a
   * multiple of it; 0 for none. Of our own kernels 1 or 0.
   */
  int32_t multiple = 0;
  /** How many times as fast as the library's our own kernel is; 0 where that is not measured. */
  double gain = 0;
};

/**
 * Multiplies some rows of each sample's weights as llama.cpp would, and compares with float64 arithmetic on the
 * dequantised weights: all rows together and a few at a time, with one thread and with all, and twice over memory with
 * different contents. Then the same with keys and values of noise.
 *
 * @returns a finding for each sample, then one for each of `attention`
 * @throws Failure when the file cannot be read or the CPU backend fails
 */
std::vector<KernelFinding> check_kernels(const KernelCheckOptions& options);

}  // namespace starling
