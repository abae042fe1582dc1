#include "llama/test_products.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "support/failure.h"

namespace starling {

namespace {

/**
 * Quantised weights are multiplied with 8-bit activations. Measured on thirteen x86-64 libraries: at most 0.075 and
 * 0.012; 0.007 and 0.002 for 16 bits; 2e-6 and 2e-7 for f32.
 */
constexpr Tolerance QUANTISED{0.1, 0.025};
/** ARM multiplies and adds in float16. */
constexpr Tolerance HALF{0.05, 0.02};
constexpr Tolerance SINGLE{1e-4, 1e-5};

/** A multiple, and the rows of the product that is computed together for it. */
struct Candidate {
  size_t multiple;
  /**
   * More than the largest kernel takes at a time (AMX: 32), and so many that llama.cpp divides them into chunks of an
   * odd number of rows if it does so with any multiple: it aims at 16 rows a chunk.
   */
  size_t rows;
};
/** Larger multiples would waste too much on short texts. */
constexpr Candidate CANDIDATES[] = {{4, FIRST_TEST_ROWS}, {8, 72}, {16, 80}, {32, MOST_TEST_ROWS}};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

/** Rows at the start and the end of blocks of 32. */
bool is_checked(size_t row, size_t rows) {
  const size_t place = row % 32;
  return place < 2 || place == 5 || place == 31 || row + 1 == rows;
}

/** The product of the first `total` rows, `at_a_time` in each call; the last one gets the remainder. */
Matrix multiply_apart(const Multiply& multiply, size_t total, size_t at_a_time) {
  Matrix result;
  for (size_t first = 0; first < total; first += at_a_time) {
    const Matrix part = multiply(first, std::min(at_a_time, total - first), POISONS[0]);
    result.insert(result.end(), part.begin(), part.end());
  }
  return result;
}

}  // namespace

Matrix noise(size_t count) {
  Matrix numbers(count);
  uint32_t state = 0x9E3779B9U;
  for (float& value : numbers) {
    float sum = 0;
    for (int i = 0; i < 4; ++i) {
      state = state * 1664525U + 1013904223U;
      sum += static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5F;
    }
    value = sum * 1.7F;
  }
  return numbers;
}

Matrix test_input(size_t rows, size_t columns) {
  constexpr size_t NUMBERS = 8191;
  constexpr size_t STEP = 509;
  constexpr size_t ZEROS = 5;
  constexpr size_t OUTLIER = 33;
  const Matrix numbers = noise(NUMBERS);
  Matrix input(rows * columns);
  for (size_t row = 0; row < rows; ++row)
    for (size_t done = 0, from = row * STEP % NUMBERS; done < columns; from = 0) {
      const size_t part = std::min(columns - done, NUMBERS - from);
      std::copy_n(&numbers[from], part, &input[row * columns + done]);
      done += part;
    }
  std::fill_n(&input[ZEROS * columns], columns, 0.0F);
  input[OUTLIER * columns + columns / 2] = 20.0F;
  return input;
}

Tolerance tolerance_of(ggml_type type) {
  if (type == GGML_TYPE_F32) return SINGLE;
  return type == GGML_TYPE_F16 || type == GGML_TYPE_BF16 ? HALF : QUANTISED;
}

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Matrix compute_product(const CpuBackend& cpu, ggml_context* context, ggml_tensor* rows, const float* input,
                       ggml_tensor* product, float poison) {
  const LlamaFunctions& functions = cpu.functions();
  const OwnedBuffer buffer(functions.ggml_backend_alloc_ctx_tensors(context, cpu.get()),
                           functions.ggml_backend_buffer_free);
  if (buffer == nullptr) throw Failure("Not enough memory for a product.");
  const auto count = [](const ggml_tensor* tensor) {
    return static_cast<size_t>(tensor->ne[0] * tensor->ne[1] * tensor->ne[2]);
  };
  Matrix result(count(product), poison);
  functions.ggml_backend_tensor_set(rows, input, 0, count(rows) * sizeof(float));
  functions.ggml_backend_tensor_set(product, result.data(), 0, result.size() * sizeof(float));
  cpu.compute(context, product);
  functions.ggml_backend_tensor_get(product, result.data(), 0, result.size() * sizeof(float));
  return result;
}

Reference::Reference(const Matrix& input, const Matrix& weights, size_t columns, Tolerance tolerance)
    : input_(input), weights_(weights), columns_(columns), tolerance_(tolerance) {
  for (size_t row = 0; row < weights.size() / columns; ++row) lengths_.push_back(length(&weights[row * columns]));
}

std::string Reference::problem_of(const Matrix& product) const {
  const size_t outputs = lengths_.size();
  const size_t rows = product.size() / outputs;
  double largest = 0;
  double squares = 0;
  size_t count = 0;
  for (size_t row = 0; row < rows; ++row) {
    const float* x = &input_[row * columns_];
    const double scale = length(x) / std::sqrt(static_cast<double>(columns_));
    for (size_t output = 0; output < outputs; ++output) {
      // Weights that are not finite are not the kernel's fault.
      if (!std::isfinite(lengths_[output])) continue;
      const auto value = static_cast<double>(product[row * outputs + output]);
      if (!std::isfinite(value)) return "are not finite numbers";
      const double unit = lengths_[output] * scale;
      if (!is_checked(row, rows)) {
        // |a · b| <= |a| |b|.
        if (std::fabs(value) > unit * (std::sqrt(static_cast<double>(columns_)) + 1)) return "are too large";
        continue;
      }
      const double difference = std::fabs(value - dot(x, &weights_[output * columns_]));
      const double error = unit > 0 ? difference / unit : difference;
      largest = std::max(largest, error);
      squares += error * error;
      ++count;
    }
  }
  const double rms = count > 0 ? std::sqrt(squares / static_cast<double>(count)) : 0;
  if (largest <= tolerance_.largest && rms <= tolerance_.rms) return "";
  return "are off by up to " + number(largest) + ", and by " + number(rms) + " in the mean, where " +
         number(tolerance_.largest) + " and " + number(tolerance_.rms) + " of their deviation are allowed";
}

double Reference::length(const float* values) const { return std::sqrt(dot(values, values)); }

double Reference::dot(const float* a, const float* b) const {
  // Four sums: a chain of dependent additions would take most of the check's time.
  double sums[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < columns_; ++i) sums[i % 4] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

bool rows_are_independent(const CpuBackend& cpu, int32_t threads, const Matrix& together, const Multiply& multiply) {
  cpu.use_threads(1);
  for (const size_t at_a_time : {size_t{1}, size_t{7}, FIRST_TEST_ROWS})
    if (!same_bits(together, multiply_apart(multiply, FIRST_TEST_ROWS, at_a_time))) return false;
  cpu.use_threads(threads);
  // As the last rows of more.
  Matrix many = multiply(0, MOST_TEST_ROWS, POISONS[1]);
  const Matrix later = multiply(FIRST_TEST_ROWS, MOST_TEST_ROWS - FIRST_TEST_ROWS, POISONS[0]);
  const size_t outputs = many.size() / MOST_TEST_ROWS;
  return same_bits(later, {many.begin() + static_cast<std::ptrdiff_t>(FIRST_TEST_ROWS * outputs), many.end()});
}

int32_t exact_multiple(const CpuBackend& cpu, int32_t threads, const Matrix& together, const Multiply& multiply) {
  for (const auto& [multiple, rows] : CANDIDATES) {
    cpu.use_threads(threads);
    const Matrix all = rows == FIRST_TEST_ROWS ? together : multiply(0, rows, POISONS[1]);
    cpu.use_threads(1);
    if (same_bits(all, multiply_apart(multiply, rows, 3 * multiple)) &&
        same_bits(all, multiply_apart(multiply, rows, multiple)))
      return static_cast<int32_t>(multiple);
  }
  return 0;
}

}  // namespace starling
