#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llama/llama_functions.h"

namespace starling {

/** Weights of one type and shape, of which a model may have hundreds of tensors: one of them stands for all. */
struct WeightSample {
  ggml_type type = GGML_TYPE_F32;
  /** Values of a row, and rows of the tensor. */
  int64_t columns = 0;
  int64_t rows = 0;
  /** Where the tensor starts in the file, in bytes. */
  uint64_t position = 0;
};

struct KernelCheckOptions {
  std::string path;
  std::vector<WeightSample> samples;
  /** Threads that share a product. */
  int32_t threads = 1;
  /** Whether weights may be rearranged as the CPU library likes (llama.cpp's use_extra_bufts). */
  bool rearranged = true;
};

/** What the CPU library computes with weights of one type and shape. */
struct KernelFinding {
  /** llama.cpp's name for where such weights are kept, which decides what multiplies them: "CPU", "CPU_REPACK", "AMX".
   */
  std::string buffer;
  /** What is wrong with the products, half a sentence; empty when they are right. */
  std::string problem;
  /**
   * The least of KERNEL_MULTIPLES for which a row has the same bits in every product whose number of rows is a multiple
   * of it; 0 where there is none.
   */
  int32_t multiple = 0;
};

/**
 * Multiplies some rows of each sample's own weights as llama.cpp would, and compares with float64 arithmetic on the
 * dequantised weights: together and a few rows at a time, with one thread and all, twice over memory with other
 * contents.
 *
 * @throws Failure when the file cannot be read or the CPU backend fails
 */
std::vector<KernelFinding> check_kernels(const KernelCheckOptions& options);

}  // namespace starling
