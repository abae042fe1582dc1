#include "llama/kernel_check.h"

#include <algorithm>
#include <cstring>

#include "llama/attention_check.h"
#include "llama/compute_threads.h"
#include "llama/cpu_backend.h"
#include "llama/log.h"
#include "llama/runtime.h"
#include "llama/test_products.h"
#include "support/failure.h"
#include "support/read_file.h"

namespace starling {

namespace {

/** How many weight rows are multiplied: the number of rows modulo a period stays, because kernels depend on it. */
constexpr int64_t LONG_ROW = 4096;
constexpr int64_t PERIOD = 64;
constexpr int64_t PERIOD_OF_LONG_ROWS = 32;
/** llama.cpp divides weight rows into chunks of 16, unless that is fewer than four chunks for each thread. */
constexpr int64_t ROWS_PER_THREAD = 4 * 16;

/** Some rows of a sample's weights, in the buffer that llama.cpp would choose. */
class Weights {
 public:
  Weights(const CpuBackend& cpu, const WeightSample& sample, int64_t rows, ggml_backend_buffer_type_t buffer_type,
          const std::vector<uint8_t>& bytes)
      : functions_(cpu.functions()), cpu_(cpu), context_(tensor_context(functions_, 1)) {
    tensor_ = functions_.ggml_new_tensor_2d(context_.get(), sample.type, sample.columns, rows);
    buffer_ = OwnedBuffer(functions_.ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), buffer_type),
                          functions_.ggml_backend_buffer_free);
    if (buffer_ == nullptr)
      throw Failure("Not enough memory for " + std::to_string(bytes.size()) + " bytes of weights.");
    functions_.ggml_backend_tensor_set(tensor_, bytes.data(), 0, bytes.size());
  }

  /** Rows `first` to `first + count` of `input` times the weights: float[count, rows of weights]. */
  Matrix multiply(const Matrix& input, size_t first, size_t count, float poison) const {
    const Owned<ggml_context> context = tensor_context(functions_, 2, true);
    const auto columns = static_cast<size_t>(tensor_->ne[0]);
    ggml_tensor* rows =
        functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, tensor_->ne[0], static_cast<int64_t>(count));
    ggml_tensor* product = functions_.ggml_mul_mat(context.get(), tensor_, rows);
    return compute_product(cpu_, context.get(), rows, input.data() + first * columns, product, poison);
  }

 private:
  const LlamaFunctions& functions_;
  const CpuBackend& cpu_;
  Owned<ggml_context> context_;
  OwnedBuffer buffer_;
  ggml_tensor* tensor_ = nullptr;
};

int64_t rows_to_take(const WeightSample& sample) {
  const int64_t period = sample.columns > LONG_ROW ? PERIOD_OF_LONG_ROWS : PERIOD;
  return std::min(sample.rows, period + sample.rows % period);
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

/**
 * Whether an even number of rows is multiplied two at a time, by a kernel that rounds differently (ARM's i8mm). 9 and
 * 10 rows: neither is few enough for a kernel of its own.
 */
bool pairs_differ(const CpuBackend& cpu, const Weights& weights, const Matrix& input) {
  cpu.use_threads(1);
  const Matrix odd = weights.multiply(input, 0, 9, POISONS[0]);
  Matrix even = weights.multiply(input, 0, 10, POISONS[0]);
  even.resize(odd.size());
  return !same_bits(odd, even);
}

KernelFinding check_kernel(const CpuBackend& cpu, const KernelCheckOptions& options, const WeightSample& sample) {
  const LlamaFunctions& functions = cpu.functions();
  KernelFinding finding;
  const int64_t rows = rows_to_take(sample);
  const size_t size = functions.ggml_row_size(sample.type, sample.columns) * static_cast<size_t>(rows);
  const std::vector<uint8_t> bytes = read_file(options.path, sample.position, size);
  // The buffer type depends on the full number of rows, of which only some are multiplied.
  ggml_backend_buffer_type_t buffer_type =
      options.repacked ? cpu.buffer_for(sample.type, sample.columns, sample.rows) : cpu.plain();
  finding.buffer = functions.ggml_backend_buft_name(buffer_type);
  const Weights weights(cpu, sample, rows, buffer_type, bytes);

  const auto columns = static_cast<size_t>(sample.columns);
  const Matrix input = test_input(MOST_TEST_ROWS, columns);
  cpu.use_threads(options.threads);
  const Matrix first = weights.multiply(input, 0, FIRST_TEST_ROWS, POISONS[0]);
  Matrix second = weights.multiply(input, 0, FIRST_TEST_ROWS, POISONS[1]);
  const Matrix dequantised = dequantise(functions, sample, rows, bytes);
  const Reference reference(input, dequantised, columns, tolerance_of(sample.type));
  finding.problem = reference.problem_of(first);
  if (finding.problem.empty() && !same_bits(first, second)) finding.problem = "differ when they are computed again";
  if (finding.problem.empty()) finding.problem = reference.problem_of(weights.multiply(input, 0, 1, POISONS[0]));
  if (!finding.problem.empty()) return finding;

  int32_t threads = options.threads;
  if (threads > 1 && buffer_type == cpu.plain() && pairs_differ(cpu, weights, input)) {
    // With few rows, llama.cpp gives each thread a share, which may have an odd number of rows.
    if (sample.rows < ROWS_PER_THREAD * threads) return finding;
    // With many it does not. The few rows here would be shared out: they stand for the many on one thread.
    threads = 1;
    cpu.use_threads(threads);
    second = weights.multiply(input, 0, FIRST_TEST_ROWS, POISONS[1]);
  }
  finding.multiple = exact_multiple(cpu, threads, second, [&](size_t from, size_t count, float poison) {
    return weights.multiply(input, from, count, poison);
  });
  return finding;
}

}  // namespace

std::vector<KernelFinding> check_kernels(const KernelCheckOptions& wanted) {
  KernelCheckOptions options = wanted;
  options.threads = startable_threads(wanted.threads);
  const LogCapture log;
  const CpuBackend cpu(runtime::functions());
  std::vector<KernelFinding> findings;
  for (const WeightSample& sample : options.samples) findings.push_back(check_kernel(cpu, options, sample));
  for (const AttentionSample& sample : options.attention)
    findings.push_back(check_attention(cpu, sample, options.threads));
  return findings;
}

}  // namespace starling
