#include "llama/kernel_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "llama/compute_threads.h"
#include "llama/log.h"
#include "llama/owned.h"
#include "llama/runtime.h"
#include "support/failure.h"

namespace starling {

namespace {

/** The multiples that are tried. Larger ones would waste too much on short texts. */
constexpr size_t KERNEL_MULTIPLES[] = {4, 8, 16, 32};
/** Rows that the largest kernel (AMX) takes at a time. Products have one such block and a remainder. */
constexpr size_t BLOCK_OF_ROWS = 32;
/** How many weight rows are multiplied: the number of rows modulo a period stays, because kernels depend on it. */
constexpr int64_t LONG_ROW = 4096;
constexpr int64_t PERIOD = 64;
constexpr int64_t PERIOD_OF_LONG_ROWS = 32;
/**
 * The largest error allowed, and the root mean square of all errors, against float64 arithmetic, in units of
 * |w| · rms(x): in these units the products have a standard deviation of about 1. Quantised weights are multiplied with
 * 8-bit activations. Measured on thirteen x86-64 libraries: at most 0.075 and 0.012; 0.007 and 0.002 for 16 bits; 2e-6
 * and 2e-7 for f32.
 */
struct Tolerance {
  double largest;
  double rms;
};
constexpr Tolerance QUANTISED{0.1, 0.025};
/** ARM multiplies and adds in float16. */
constexpr Tolerance HALF{0.05, 0.02};
constexpr Tolerance SINGLE{1e-4, 1e-5};
constexpr size_t TENSORS = 3;
/** What the memory of a product contains beforehand: a kernel that reads it gives two different results. */
constexpr float POISONS[] = {std::numeric_limits<float>::quiet_NaN(), 3e30F};

using Matrix = std::vector<float>;

/** The CPU backend, with the functions that only its own library has. */
class CpuBackend {
 public:
  explicit CpuBackend(const LlamaFunctions& functions)
      : functions_(functions), device_(functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU)) {
    if (device_ == nullptr) throw Failure("The llama.cpp runtime has no CPU backend.");
    backend_ = OwnedBackend(functions.ggml_backend_dev_init(device_, nullptr), functions.ggml_backend_free);
    if (backend_ == nullptr) throw Failure("The CPU backend could not be initialised.");
    ggml_backend_reg_t registry = functions.ggml_backend_dev_backend_reg(device_);
    set_threads_ = reinterpret_cast<ggml_backend_set_n_threads_t>(
        functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_set_n_threads"));
    const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_dev_get_extra_bufts"));
    if (extra != nullptr)
      for (ggml_backend_buffer_type_t* type = extra(device_); type != nullptr && *type != nullptr; ++type)
        extra_.push_back(*type);
  }

  ggml_backend_t get() const { return backend_.get(); }
  ggml_backend_buffer_type_t plain() const { return functions_.ggml_backend_dev_buffer_type(device_); }

  void use_threads(int32_t threads) const {
    if (set_threads_ != nullptr) set_threads_(backend_.get(), threads);
  }

  /** The buffer type that llama.cpp would choose: the first one in which the device can multiply the weight. */
  ggml_backend_buffer_type_t buffer_for(const WeightSample& sample) const {
    for (ggml_backend_buffer_type_t type : extra_)
      if (multiplies(sample, type)) return type;
    return plain();
  }

 private:
  bool multiplies(const WeightSample& sample, ggml_backend_buffer_type_t type) const {
    const ggml_init_params sizes{functions_.ggml_tensor_overhead() * TENSORS, nullptr, true};
    const Owned<ggml_context> context(functions_.ggml_init(sizes), functions_.ggml_free);
    if (context == nullptr) throw Failure("Not enough memory.");
    const OwnedBuffer none(functions_.ggml_backend_buft_alloc_buffer(type, 0), functions_.ggml_backend_buffer_free);
    ggml_tensor* weights = functions_.ggml_new_tensor_2d(context.get(), sample.type, sample.columns, sample.rows);
    // 512 rows, as in llama.cpp.
    ggml_tensor* input = functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, sample.columns, 512);
    weights->buffer = none.get();
    return functions_.ggml_backend_dev_supports_op(device_, functions_.ggml_mul_mat(context.get(), weights, input));
  }

  const LlamaFunctions& functions_;
  ggml_backend_dev_t device_;
  OwnedBackend backend_;
  ggml_backend_set_n_threads_t set_threads_ = nullptr;
  std::vector<ggml_backend_buffer_type_t> extra_;
};

/** Some rows of a sample's weights, in the buffer that llama.cpp would choose. */
class Weights {
 public:
  Weights(const LlamaFunctions& functions, const CpuBackend& cpu, const WeightSample& sample, int64_t rows,
          ggml_backend_buffer_type_t buffer_type, const std::vector<uint8_t>& bytes)
      : functions_(functions), cpu_(cpu) {
    const ggml_init_params sizes{functions.ggml_tensor_overhead(), nullptr, true};
    context_ = Owned<ggml_context>(functions.ggml_init(sizes), functions.ggml_free);
    if (context_ == nullptr) throw Failure("Not enough memory.");
    tensor_ = functions.ggml_new_tensor_2d(context_.get(), sample.type, sample.columns, rows);
    buffer_ = OwnedBuffer(functions.ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), buffer_type),
                          functions.ggml_backend_buffer_free);
    if (buffer_ == nullptr)
      throw Failure("Not enough memory for " + std::to_string(bytes.size()) + " bytes of weights.");
    functions.ggml_backend_tensor_set(tensor_, bytes.data(), 0, bytes.size());
  }

  /** Rows `first` to `first + count` of `input` times the weights: float[count, rows of weights]. */
  Matrix multiply(const Matrix& input, size_t first, size_t count, float poison) const {
    const ggml_init_params sizes{functions_.ggml_tensor_overhead() * TENSORS + functions_.ggml_graph_overhead(),
                                 nullptr, true};
    const Owned<ggml_context> context(functions_.ggml_init(sizes), functions_.ggml_free);
    if (context == nullptr) throw Failure("Not enough memory.");
    const auto columns = static_cast<size_t>(tensor_->ne[0]);
    ggml_tensor* rows =
        functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, tensor_->ne[0], static_cast<int64_t>(count));
    ggml_tensor* product = functions_.ggml_mul_mat(context.get(), tensor_, rows);
    ggml_cgraph* graph = functions_.ggml_new_graph(context.get());
    functions_.ggml_build_forward_expand(graph, product);
    const OwnedBuffer buffer(functions_.ggml_backend_alloc_ctx_tensors(context.get(), cpu_.get()),
                             functions_.ggml_backend_buffer_free);
    if (buffer == nullptr) throw Failure("Not enough memory for a product.");
    Matrix result(count * static_cast<size_t>(tensor_->ne[1]), poison);
    functions_.ggml_backend_tensor_set(rows, input.data() + first * columns, 0, count * columns * sizeof(float));
    functions_.ggml_backend_tensor_set(product, result.data(), 0, result.size() * sizeof(float));
    if (functions_.ggml_backend_graph_compute(cpu_.get(), graph) != GGML_STATUS_SUCCESS)
      throw Failure("The CPU backend failed to multiply two matrices.");
    functions_.ggml_backend_tensor_get(product, result.data(), 0, result.size() * sizeof(float));
    return result;
  }

  /** The same for the first `total` rows, `at_a_time` in each product; the last product gets the remainder. */
  Matrix multiply_apart(const Matrix& input, size_t total, size_t at_a_time) const {
    Matrix result;
    for (size_t first = 0; first < total; first += at_a_time) {
      const Matrix part = multiply(input, first, std::min(at_a_time, total - first), POISONS[0]);
      result.insert(result.end(), part.begin(), part.end());
    }
    return result;
  }

 private:
  const LlamaFunctions& functions_;
  const CpuBackend& cpu_;
  Owned<ggml_context> context_;
  OwnedBuffer buffer_;
  ggml_tensor* tensor_ = nullptr;
};

/** Roughly normal numbers, the same everywhere. */
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

/**
 * Rows of noise, each from another part of the same numbers, because new numbers for each row would take longer than
 * all products. One row is all zeros (a scale of 0), and one has an outlier (a scale that leaves few bits to the rest).
 */
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

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

/** Compares products with float64 arithmetic on the dequantised weights. */
class Reference {
 public:
  Reference(const Matrix& input, const Matrix& weights, size_t columns, Tolerance tolerance)
      : input_(input), weights_(weights), columns_(columns), tolerance_(tolerance) {
    for (size_t row = 0; row < weights.size() / columns; ++row) lengths_.push_back(length(&weights[row * columns]));
  }

  /** Compares some rows of a product of the first input rows. The others must be finite and not too large. */
  std::string problem_of(const Matrix& product) const {
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

 private:
  /** Rows at the start and the end of blocks of 32. */
  static bool is_checked(size_t row, size_t rows) {
    const size_t place = row % 32;
    return place < 2 || place == 5 || place == 31 || row + 1 == rows;
  }

  double length(const float* values) const { return std::sqrt(dot(values, values)); }

  double dot(const float* a, const float* b) const {
    // Four sums: a chain of dependent additions would take most of the check's time.
    double sums[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < columns_; ++i) sums[i % 4] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  const Matrix& input_;
  const Matrix& weights_;
  const size_t columns_;
  const Tolerance tolerance_;
  std::vector<double> lengths_;
};

int64_t rows_to_take(const WeightSample& sample) {
  const int64_t period = sample.columns > LONG_ROW ? PERIOD_OF_LONG_ROWS : PERIOD;
  return std::min(sample.rows, period + sample.rows % period);
}

std::vector<uint8_t> read_bytes(const std::string& path, uint64_t position, size_t size) {
  std::vector<uint8_t> bytes(size);
  std::ifstream file(std::filesystem::u8path(path), std::ios::binary);
  file.seekg(static_cast<std::streamoff>(position));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file) throw Failure("Its weights could not be read.");
  return bytes;
}

Matrix dequantise(const LlamaFunctions& functions, const WeightSample& sample, int64_t rows,
                  const std::vector<uint8_t>& bytes) {
  Matrix values(static_cast<size_t>(rows * sample.columns));
  if (sample.type == GGML_TYPE_F32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  const ggml_type_traits* traits = functions.ggml_get_type_traits(sample.type);
  if (traits == nullptr || traits->to_float == nullptr)
    throw Failure("Its weights are of a type that cannot be multiplied.");
  traits->to_float(bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

/** @param together the product of BLOCK_OF_ROWS and KERNEL_MULTIPLES[0] rows, computed with all threads */
int32_t exact_multiple(const Weights& weights, const CpuBackend& cpu, const Matrix& input, const Matrix& together,
                       int32_t threads) {
  for (const size_t multiple : KERNEL_MULTIPLES) {
    const size_t total = BLOCK_OF_ROWS + multiple;
    cpu.use_threads(threads);
    const Matrix all = multiple == KERNEL_MULTIPLES[0] ? together : weights.multiply(input, 0, total, POISONS[1]);
    cpu.use_threads(1);
    if (same_bits(all, weights.multiply_apart(input, total, 3 * multiple)) &&
        same_bits(all, weights.multiply_apart(input, total, multiple)))
      return static_cast<int32_t>(multiple);
  }
  return 0;
}

KernelFinding check_kernel(const LlamaFunctions& functions, const CpuBackend& cpu, const KernelCheckOptions& options,
                           const WeightSample& sample) {
  KernelFinding finding;
  const int64_t rows = rows_to_take(sample);
  const size_t size = functions.ggml_row_size(sample.type, sample.columns) * static_cast<size_t>(rows);
  const std::vector<uint8_t> bytes = read_bytes(options.path, sample.position, size);
  // The buffer type depends on the full number of rows, of which only some are multiplied.
  ggml_backend_buffer_type_t buffer_type = options.repacked ? cpu.buffer_for(sample) : cpu.plain();
  finding.buffer = functions.ggml_backend_buft_name(buffer_type);
  const Weights weights(functions, cpu, sample, rows, buffer_type, bytes);

  const auto columns = static_cast<size_t>(sample.columns);
  const size_t most = BLOCK_OF_ROWS + KERNEL_MULTIPLES[std::size(KERNEL_MULTIPLES) - 1];
  const Matrix input = test_input(most, columns);
  const size_t total = BLOCK_OF_ROWS + KERNEL_MULTIPLES[0];
  cpu.use_threads(options.threads);
  const Matrix first = weights.multiply(input, 0, total, POISONS[0]);
  const Matrix second = weights.multiply(input, 0, total, POISONS[1]);
  const Matrix dequantised = dequantise(functions, sample, rows, bytes);
  const Reference reference(input, dequantised, columns, tolerance_of(sample.type));
  finding.problem = reference.problem_of(first);
  if (finding.problem.empty() && !same_bits(first, second)) finding.problem = "differ when they are computed again";
  if (finding.problem.empty()) finding.problem = reference.problem_of(weights.multiply(input, 0, 1, POISONS[0]));
  if (finding.problem.empty()) finding.multiple = exact_multiple(weights, cpu, input, second, options.threads);
  return finding;
}

}  // namespace

std::vector<KernelFinding> check_kernels(const KernelCheckOptions& wanted) {
  const LlamaFunctions& functions = runtime::functions();
  KernelCheckOptions options = wanted;
  options.threads = startable_threads(wanted.threads);
  const LogCapture log;
  const CpuBackend cpu(functions);
  std::vector<KernelFinding> findings;
  for (const WeightSample& sample : options.samples) findings.push_back(check_kernel(functions, cpu, options, sample));
  return findings;
}

}  // namespace starling
