#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "llama/cpu_backend.h"

namespace starling {

/** Rows of numbers, one after the other. */
using Matrix = std::vector<float>;

/** What the memory of a product contains beforehand: a kernel that reads it gives two different results. */
constexpr float POISONS[] = {std::numeric_limits<float>::quiet_NaN(), 3e30F};

/** Roughly normal numbers, the same everywhere. */
Matrix noise(size_t count);

/**
 * Rows of noise, each from another part of the same numbers, because new numbers for each row would take longer than
 * all products. One row is all zeros (a scale of 0), and one has an outlier (a scale that leaves few bits to the rest).
 */
Matrix test_input(size_t rows, size_t columns);

bool same_bits(const Matrix& a, const Matrix& b);

/**
 * Allocates the tensors of `context` and computes `product` from `input`, the values of `rows`. The product's memory
 * contains `poison` before.
 *
 * @throws Failure when there is not enough memory or the backend fails
 */
Matrix compute_product(const CpuBackend& cpu, ggml_context* context, ggml_tensor* rows, const float* input,
                       ggml_tensor* product, float poison);

/**
 * The largest error allowed, and the root mean square of all errors, against float64 arithmetic, in units of
 * |w| · rms(x): in these units the products have a standard deviation of about 1.
 */
struct Tolerance {
  double largest;
  double rms;
};
Tolerance tolerance_of(ggml_type type);

/** Compares products with float64 arithmetic on the dequantised weights. */
class Reference {
 public:
  Reference(const Matrix& input, const Matrix& weights, size_t columns, Tolerance tolerance);

  /**
   * Compares some rows of a product of the first input rows. The others must be finite and not too large.
   *
   * @returns what is wrong, half a sentence; empty when nothing is
   */
  std::string problem_of(const Matrix& product) const;

 private:
  double length(const float* values) const;
  double dot(const float* a, const float* b) const;

  const Matrix& input_;
  const Matrix& weights_;
  const size_t columns_;
  const Tolerance tolerance_;
  std::vector<double> lengths_;
};

/** A product of `count` rows of the test input from `first` on; memory that it writes to contains `poison` before. */
using Multiply = std::function<Matrix(size_t first, size_t count, float poison)>;

/** Rows that exact_multiple() needs in the test input, at most; and in its first product. */
constexpr size_t MOST_TEST_ROWS = 96;
constexpr size_t FIRST_TEST_ROWS = 44;

/** Whether every row has the same bits alone, with any others, and on any number of threads. @param together as below
 */
bool rows_are_independent(const CpuBackend& cpu, int32_t threads, const Matrix& together, const Multiply& multiply);

/**
 * The smallest of 4, 8, 16 and 32 for which a row has the same bits in each product whose number of rows is a multiple
 * of it; 0 for none.
 *
 * @param together the product of the first FIRST_TEST_ROWS, computed with all threads
 */
int32_t exact_multiple(const CpuBackend& cpu, int32_t threads, const Matrix& together, const Multiply& multiply);

}  // namespace starling
