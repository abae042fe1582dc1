#include "llama/row_quantizer.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "llama/runtime.h"
#include "support/failure.h"

namespace starling {

namespace {

/** Values per step of a thread: as floats they fit in a core's private cache. */
constexpr size_t VALUES_AT_A_TIME = 1 << 15;

enum class Outcome { DONE, NOT_FINITE, NOT_HELD };

/** Infinity and NaN have all exponent bits set. A sum would not show them: two infinities can cancel out. */
bool all_finite_values(const float* values, size_t count) {
  uint32_t bad = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bad |= static_cast<uint32_t>((bits & 0x7f800000u) == 0x7f800000u);
  }
  return bad == 0;
}

class Quantization {
 public:
  explicit Quantization(const RowBlock& block)
      : block_(block),
        source_row_(functions_.ggml_row_size(block.from, static_cast<int64_t>(block.row_length))),
        target_row_(functions_.ggml_row_size(block.to, static_cast<int64_t>(block.row_length))),
        rows_(block.input.size() / source_row_),
        rows_at_a_time_(std::max<size_t>(1, VALUES_AT_A_TIME / block.row_length)),
        output_(rows_ * target_row_) {}

  std::vector<float> buffer() const { return std::vector<float>(rows_at_a_time_ * block_.row_length); }

  /** Converts rows until none is left. Several threads call this at the same time, each with its own buffer. */
  void run(std::vector<float>& values) {
    for (;;) {
      const size_t first = next_.fetch_add(rows_at_a_time_);
      if (first >= rows_ || outcome_ != Outcome::DONE) return;
      const Outcome outcome = quantize(first, std::min(rows_at_a_time_, rows_ - first), values.data());
      if (outcome != Outcome::DONE) outcome_ = outcome;
    }
  }

  size_t tasks() const { return (rows_ + rows_at_a_time_ - 1) / rows_at_a_time_; }

  std::vector<uint8_t> result() {
    if (outcome_ == Outcome::NOT_FINITE) throw Failure("A value is not finite.", "NOT_FINITE");
    if (outcome_ == Outcome::NOT_HELD) throw Failure("A value is out of the type's range.", "NOT_HELD");
    return std::move(output_);
  }

 private:
  Outcome quantize(size_t first, size_t count, float* values) {
    const uint8_t* source = block_.input.data() + first * source_row_;
    uint8_t* target = output_.data() + first * target_row_;
    const auto values_in_all = static_cast<int64_t>(count * block_.row_length);
    if (block_.from == GGML_TYPE_BF16) {
      functions_.ggml_bf16_to_fp32_row(reinterpret_cast<const ggml_bf16_t*>(source), values, values_in_all);
    } else if (block_.from == GGML_TYPE_F16) {
      functions_.ggml_fp16_to_fp32_row(reinterpret_cast<const ggml_fp16_t*>(source), values, values_in_all);
    } else {
      std::memcpy(values, source, count * source_row_);
    }
    if (!all_finite_values(values, static_cast<size_t>(values_in_all))) return Outcome::NOT_FINITE;
    const size_t size = functions_.ggml_quantize_chunk(block_.to, values, target, 0, static_cast<int64_t>(count),
                                                       static_cast<int64_t>(block_.row_length), nullptr);
    return functions_.ggml_validate_row_data(block_.to, target, size) ? Outcome::DONE : Outcome::NOT_HELD;
  }

  const LlamaFunctions& functions_ = runtime::functions();
  const RowBlock& block_;
  const size_t source_row_;
  const size_t target_row_;
  const size_t rows_;
  const size_t rows_at_a_time_;
  std::vector<uint8_t> output_;
  std::atomic<size_t> next_{0};
  std::atomic<Outcome> outcome_{Outcome::DONE};
};

}  // namespace

std::vector<uint8_t> quantize_rows(const RowBlock& block) {
  Quantization work(block);
  const size_t threads = std::max<size_t>(1, std::min(static_cast<size_t>(block.threads), work.tasks()));
  // Allocate here: an exception on a helper thread would end the process.
  std::vector<std::vector<float>> buffers(threads, work.buffer());
  std::vector<std::thread> helpers;
  helpers.reserve(threads);
  try {
    for (size_t i = 1; i < threads; ++i) helpers.emplace_back([&work, &buffer = buffers[i]] { work.run(buffer); });
  } catch (...) {
    // No thread, or no memory for one. Fewer threads can do the same work.
  }
  work.run(buffers[0]);
  for (std::thread& helper : helpers) helper.join();
  return work.result();
}

}  // namespace starling
