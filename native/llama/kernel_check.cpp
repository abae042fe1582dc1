#include "llama/kernel_check.h"

#include "llama/attention_check.h"
#include "llama/compute_threads.h"
#include "llama/cpu_backend.h"
#include "llama/log.h"
#include "llama/prefill_check.h"
#include "llama/runtime.h"
#include "llama/test_products.h"
#include "llama/test_weights.h"

namespace starling {

namespace {

/** llama.cpp divides weight rows into chunks of 16, unless that is fewer than four chunks for each thread. */
constexpr int64_t ROWS_PER_THREAD = 4 * 16;

/**
 * Whether an even number of rows is multiplied two at a time, by a kernel that rounds differently (ARM's i8mm). 9 and
 * 10 rows: neither is few enough for a kernel of its own.
 */
bool pairs_differ(const CpuBackend& cpu, const TestWeights& weights, const Matrix& input) {
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
  const std::vector<uint8_t> bytes = read_rows(functions, options.path, sample, rows);
  // The buffer type depends on the full number of rows, of which only some are multiplied.
  ggml_backend_buffer_type_t buffer_type =
      options.repacked ? cpu.buffer_for(sample.type, sample.columns, sample.rows) : cpu.plain();
  finding.buffer = functions.ggml_backend_buft_name(buffer_type);
  const TestWeights weights(cpu, sample, rows, buffer_type, bytes);

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
  for (const WeightSample& sample : options.samples)
    findings.push_back(options.prefill ? check_prefill_kernel(cpu, options, sample)
                                       : check_kernel(cpu, options, sample));
  for (const AttentionSample& sample : options.attention)
    findings.push_back(options.prefill ? check_prefill_attention(cpu, sample, options.threads)
                                       : check_attention(cpu, sample, options.threads));
  return findings;
}

}  // namespace starling
