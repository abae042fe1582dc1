#include <algorithm>
#include <cmath>

#include "llama/prefill_check.h"
#include "llama/prefill_injection.h"
#include "llama/test_products.h"
#include "support/failure.h"

namespace starling {

namespace {

/** As llama.cpp reads them, in multiples of 256: those that are not used yet included. */
constexpr size_t TEST_CELLS = 256;
constexpr size_t MANY_TEST_CELLS = 2 * TEST_CELLS;
constexpr int64_t MOST_TESTED_KEY_HEADS = 2;
/** Cells that the first test token attends to. */
constexpr size_t FIRST_TOKEN_ATTENDS = 100;
/** Measured: 2e-6 at most. Of float16 caches only the cache itself is rounded, in the reference, too. */
constexpr double ATTENTION_TOLERANCE = 1e-4;

/** Attention over a cache full of noise. */
class AttentionTest {
 public:
  AttentionTest(const CpuBackend& cpu, const AttentionSample& sample)
      : functions_(cpu.functions()),
        cpu_(cpu),
        type_(sample.type),
        length_(static_cast<size_t>(sample.head_length)),
        key_heads_(static_cast<size_t>(std::min(sample.key_value_heads, MOST_TESTED_KEY_HEADS))),
        heads_(key_heads_ * static_cast<size_t>(sample.heads / sample.key_value_heads)),
        context_(tensor_context(functions_, 2)),
        queries_(test_input(MOST_TEST_ROWS, heads_ * length_)) {
    const auto width = static_cast<int64_t>(length_ * key_heads_);
    for (ggml_tensor** tensor : {&keys_, &values_})
      *tensor = functions_.ggml_new_tensor_2d(context_.get(), type_, width, MANY_TEST_CELLS);
    buffer_ = OwnedBuffer(functions_.ggml_backend_alloc_ctx_tensors(context_.get(), cpu.get()),
                          functions_.ggml_backend_buffer_free);
    if (buffer_ == nullptr) throw Failure("Not enough memory for keys and values.");
    key_numbers_ = fill(keys_, noise(MANY_TEST_CELLS * length_ * key_heads_));
    Matrix numbers = noise(MANY_TEST_CELLS * length_ * key_heads_ + 77);
    numbers.erase(numbers.begin(), numbers.begin() + 77);
    value_numbers_ = fill(values_, numbers);
  }

  size_t outputs() const { return heads_ * length_; }

  /** float[count, heads, length] of the test tokens from `first` on. */
  Matrix attend(size_t first, size_t count, size_t cells, float poison) {
    const Owned<ggml_context> context = tensor_context(functions_, 12, true);
    const size_t head = length_ * sizeof(float);
    ggml_tensor* rows = functions_.ggml_new_tensor_2d(
        context.get(), GGML_TYPE_F32, static_cast<int64_t>(heads_ * length_), static_cast<int64_t>(count));
    ggml_tensor* mask = functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F16, static_cast<int64_t>(cells),
                                                      static_cast<int64_t>(count));
    ggml_tensor* queries =
        functions_.ggml_view_3d(context.get(), rows, static_cast<int64_t>(length_), static_cast<int64_t>(count),
                                static_cast<int64_t>(heads_), heads_ * head, head, 0);
    ggml_tensor* result = functions_.ggml_flash_attn_ext(context.get(), queries, cached(context.get(), keys_, cells),
                                                         cached(context.get(), values_, cells), mask, scale(), 0, 0);
    const OwnedBuffer buffer(functions_.ggml_backend_alloc_ctx_tensors(context.get(), cpu_.get()),
                             functions_.ggml_backend_buffer_free);
    if (buffer == nullptr) throw Failure("Not enough memory for a product.");
    Matrix output(count * outputs(), poison);
    functions_.ggml_backend_tensor_set(rows, &queries_[first * outputs()], 0, count * outputs() * sizeof(float));
    functions_.ggml_backend_tensor_set(result, output.data(), 0, output.size() * sizeof(float));
    const std::vector<uint16_t> masked = mask_of(first, count, cells);
    functions_.ggml_backend_tensor_set(mask, masked.data(), 0, masked.size() * sizeof(uint16_t));
    cpu_.compute(context.get(), result);
    is_ours_ = is_ours_ && result->extra != nullptr;
    functions_.ggml_backend_tensor_get(result, output.data(), 0, output.size() * sizeof(float));
    return output;
  }

  /** Whether our kernel computed everything so far. */
  bool is_ours() const { return is_ours_; }

  /** The largest error of some of these tokens' results. */
  double largest_error(const Matrix& output) const {
    double largest = 0;
    for (size_t token = 0; token < output.size() / outputs(); token += 5)
      for (size_t head = 0; head < heads_; ++head)
        largest = std::max(largest, error_of(&output[(token * heads_ + head) * length_], token, head));
    return largest;
  }

 private:
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(length_)); }

  /** Sets a tensor of the cache. @returns the numbers as they are in it */
  Matrix fill(ggml_tensor* tensor, const Matrix& numbers) {
    const auto count = static_cast<int64_t>(numbers.size());
    std::vector<uint8_t> bytes(functions_.ggml_row_size(type_, count));
    functions_.ggml_quantize_chunk(type_, numbers.data(), bytes.data(), 0, 1, count, nullptr);
    functions_.ggml_backend_tensor_set(tensor, bytes.data(), 0, bytes.size());
    if (type_ == GGML_TYPE_F32) return numbers;
    Matrix rounded(numbers.size());
    functions_.ggml_get_type_traits(type_)->to_float(bytes.data(), rounded.data(), count);
    return rounded;
  }

  /** The first cells, as llama.cpp passes them: float32 is cast. */
  ggml_tensor* cached(ggml_context* context, ggml_tensor* all, size_t cells) {
    const size_t head = functions_.ggml_row_size(type_, static_cast<int64_t>(length_));
    ggml_tensor* view =
        functions_.ggml_view_3d(context, all, static_cast<int64_t>(length_), static_cast<int64_t>(cells),
                                static_cast<int64_t>(key_heads_), head * key_heads_, head, 0);
    return type_ == GGML_TYPE_F32 ? functions_.ggml_cast(context, view, GGML_TYPE_F16) : view;
  }

  static std::vector<uint16_t> mask_of(size_t first, size_t count, size_t cells) {
    constexpr uint16_t MINUS_INFINITY = 0xFC00;
    std::vector<uint16_t> mask(count * cells, MINUS_INFINITY);
    for (size_t token = 0; token < count; ++token)
      std::fill_n(&mask[token * cells], FIRST_TOKEN_ATTENDS + first + token, uint16_t{0});
    return mask;
  }

  double error_of(const float* result, size_t token, size_t head) const {
    const size_t attended = FIRST_TOKEN_ATTENDS + token;
    const size_t key_head = head / (heads_ / key_heads_);
    const float* query = &queries_[(token * heads_ + head) * length_];
    std::vector<double> weights(attended);
    double largest = -INFINITY;
    for (size_t cell = 0; cell < attended; ++cell) {
      double dot = 0;
      for (size_t i = 0; i < length_; ++i)
        dot += static_cast<double>(query[i]) * static_cast<double>(at(key_numbers_, cell, key_head)[i]);
      weights[cell] = dot * static_cast<double>(scale());
      largest = std::max(largest, weights[cell]);
    }
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    double error = 0;
    for (size_t i = 0; i < length_; ++i) {
      double expected = 0;
      for (size_t cell = 0; cell < attended; ++cell)
        expected += weights[cell] / sum * static_cast<double>(at(value_numbers_, cell, key_head)[i]);
      const double difference = std::fabs(expected - static_cast<double>(result[i]));
      // Not a number is not small.
      error = difference <= error ? error : difference;
    }
    return error;
  }

  const float* at(const Matrix& numbers, size_t cell, size_t key_head) const {
    return &numbers[(cell * key_heads_ + key_head) * length_];
  }

  const LlamaFunctions& functions_;
  const CpuBackend& cpu_;
  const ggml_type type_;
  const size_t length_;
  const size_t key_heads_;
  const size_t heads_;
  Owned<ggml_context> context_;
  OwnedBuffer buffer_;
  ggml_tensor* keys_ = nullptr;
  ggml_tensor* values_ = nullptr;
  Matrix queries_;
  Matrix key_numbers_;
  Matrix value_numbers_;
  bool is_ours_ = true;
};

}  // namespace

KernelFinding check_prefill_attention(const CpuBackend& cpu, const AttentionSample& sample, int32_t threads) {
  KernelFinding finding;
  finding.buffer = prefill_injection::attention_kernel(sample.head_length);
  if (finding.buffer.empty()) return finding;
  PrefillAllowance allowance;
  allowance.attention = true;
  const PrefillScope scope(allowance);
  AttentionTest test(cpu, sample);
  cpu.use_threads(threads);
  const Matrix first = test.attend(0, FIRST_TEST_ROWS, TEST_CELLS, POISONS[0]);
  const Matrix second = test.attend(0, FIRST_TEST_ROWS, TEST_CELLS, POISONS[1]);
  const double error = test.largest_error(first);
  if (!test.is_ours())
    finding.problem = "are computed by another kernel";
  else if (!(error <= ATTENTION_TOLERANCE))
    finding.problem = "are off by up to " + std::to_string(error);
  else if (!same_bits(first, second))
    finding.problem = "differ when they are computed again";
  if (!finding.problem.empty()) return finding;
  const bool independent = rows_are_independent(cpu, threads, first, [&](size_t from, size_t count, float poison) {
    return test.attend(from, count, TEST_CELLS, poison);
  });
  // A token of a short text is computed over fewer cells than the same token of a long one.
  const bool same = same_bits(first, test.attend(0, FIRST_TEST_ROWS, MANY_TEST_CELLS, POISONS[0]));
  finding.multiple = independent && same ? 1 : 0;
  return finding;
}

}  // namespace starling
