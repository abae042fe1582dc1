#include "llama/prefill_check.h"

#include <algorithm>
#include <limits>

#include "llama/prefill_binding.h"
#include "llama/test_products.h"
#include "llama/test_weights.h"
#include "prefill/kernels.h"

namespace starling {

namespace {

/** Of the larger matrix that is timed: half a millisecond to two for each product. */
constexpr int64_t MOST_TIMED_ROWS = 512;
/** The shortest counts: whatever else the machine does only makes them longer. */
constexpr int TIMED_PRODUCTS = 7;
/** A kernel that gains less is not used (src/scoring/own-kernels.ts): then the next one is tried. */
constexpr double LEAST_GAIN = 1.1;

/** How many times as fast as the library's kernel ours is, with one thread. */
double measure_gain(const CpuBackend& cpu, const KernelCheckOptions& options, const WeightSample& sample,
                    ggml_backend_buffer_type_t own_type) {
  const int64_t rows = std::min(sample.rows, MOST_TIMED_ROWS);
  const std::vector<uint8_t> bytes = read_rows(cpu.functions(), options.path, sample, rows);
  const TestWeights own(cpu, sample, rows, own_type, bytes);
  const TestWeights stock(cpu, sample, rows, cpu.buffer_for(sample.type, sample.columns, sample.rows), bytes);
  const Matrix input = test_input(MOST_TEST_ROWS, static_cast<size_t>(sample.columns));
  cpu.use_threads(1);
  double own_best = std::numeric_limits<double>::infinity();
  double stock_best = own_best;
  for (int i = 0; i < TIMED_PRODUCTS; ++i) {
    own_best = std::min(own_best, own.time(input, MOST_TEST_ROWS));
    stock_best = std::min(stock_best, stock.time(input, MOST_TEST_ROWS));
  }
  return stock_best / own_best;
}

KernelFinding check_one(const CpuBackend& cpu, const KernelCheckOptions& options, const WeightSample& sample,
                        const std::string& kernel) {
  KernelFinding finding;
  finding.buffer = kernel;
  ggml_backend_buffer_type_t buffer_type = prefill_binding::buffer_type(kernel);
  const int64_t rows = rows_to_take(sample);
  const std::vector<uint8_t> bytes = read_rows(cpu.functions(), options.path, sample, rows);
  const TestWeights weights(cpu, sample, rows, buffer_type, bytes);
  const auto columns = static_cast<size_t>(sample.columns);
  const Matrix input = test_input(MOST_TEST_ROWS, columns);
  cpu.use_threads(options.threads);
  const Matrix first = weights.multiply(input, 0, FIRST_TEST_ROWS, POISONS[0]);
  const Matrix second = weights.multiply(input, 0, FIRST_TEST_ROWS, POISONS[1]);
  const Matrix dequantised = dequantise(cpu.functions(), sample, rows, bytes);
  finding.problem = Reference(input, dequantised, columns, tolerance_of(sample.type)).problem_of(first);
  if (finding.problem.empty() && !same_bits(first, second)) finding.problem = "differ when they are computed again";
  if (!finding.problem.empty()) return finding;
  const bool independent = rows_are_independent(
      cpu, options.threads, second,
      [&](size_t from, size_t count, float poison) { return weights.multiply(input, from, count, poison); });
  finding.multiple = independent ? 1 : 0;
  if (independent) finding.gain = measure_gain(cpu, options, sample, buffer_type);
  return finding;
}

}  // namespace

/** The most capable kernel, or one of the others if it is wrong or gains too little. */
KernelFinding check_prefill_kernel(const CpuBackend& cpu, const KernelCheckOptions& options,
                                   const WeightSample& sample) {
  KernelFinding best;
  for (const std::string& kernel : prefill_binding::kernels_for(sample.type, sample.columns, sample.rows)) {
    KernelFinding finding = check_one(cpu, options, sample, kernel);
    if (best.buffer.empty() || finding.gain > best.gain) best = std::move(finding);
    const bool is_right = best.problem.empty() && best.multiple == 1;
    if (best.gain >= LEAST_GAIN || (is_right && prefill::kernels_are_forced())) break;
  }
  return best;
}

}  // namespace starling
