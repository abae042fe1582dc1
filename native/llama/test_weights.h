#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llama/cpu_backend.h"
#include "llama/kernel_check.h"
#include "llama/test_products.h"

namespace starling {

/** How many of a sample's rows are multiplied: the number of rows modulo a period stays, because kernels depend on it.
 */
int64_t rows_to_take(const WeightSample& sample);

/** The sample's first rows, as they are in the file. @throws Failure when the file cannot be read */
std::vector<uint8_t> read_rows(const LlamaFunctions& functions, const std::string& path, const WeightSample& sample,
                               int64_t rows);

/** @throws Failure for a type that cannot be multiplied */
Matrix dequantise(const LlamaFunctions& functions, const WeightSample& sample, int64_t rows,
                  const std::vector<uint8_t>& bytes);

/** Some rows of a sample's weights in a buffer. */
class TestWeights {
 public:
  TestWeights(const CpuBackend& cpu, const WeightSample& sample, int64_t rows, ggml_backend_buffer_type_t buffer_type,
              const std::vector<uint8_t>& bytes);

  /** Rows `first` to `first + count` of `input` times the weights: float[count, rows of weights]. */
  Matrix multiply(const Matrix& input, size_t first, size_t count, float poison) const;

  /** Seconds that the product of the first `count` rows of `input` takes. */
  double time(const Matrix& input, size_t count) const;

 private:
  const LlamaFunctions& functions_;
  const CpuBackend& cpu_;
  Owned<ggml_context> context_;
  OwnedBuffer buffer_;
  ggml_tensor* tensor_ = nullptr;
};

}  // namespace starling
