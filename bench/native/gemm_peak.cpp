/**
 * The rates of our GEMM kernels on all threads, for the roofline of the bench: packing the activations and multiplying
 * them, with weights that were packed before. Prints one JSON line.
 */
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "prefill/kernels.h"

namespace {

using starling::prefill::GemmKernel;
using starling::prefill::WeightShape;
using starling::prefill::WeightType;
using Clock = std::chrono::steady_clock;

struct Options {
  int threads = 1;
  /** The largest matrix of the 1.1B shape, and tokens enough for any kernel. */
  int64_t columns = 2048;
  int64_t rows = 5632;
  int64_t tokens = 512;
  int repetitions = 7;
  double seconds = 0.05;
};

struct NamedType {
  const char* name;
  WeightType type;
  int64_t block_values;
  int64_t block_bytes;
};

/** The types that most weights of an f16, q8_0 or q4_k_m model have. */
constexpr NamedType TYPES[] = {
    {"f16", WeightType::F16, 1, 2}, {"q8_0", WeightType::Q8_0, 32, 34}, {"q4_k", WeightType::Q4_K, 256, 144}};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--threads")
      options.threads = std::stoi(value);
    else if (name == "--columns")
      options.columns = std::stoll(value);
    else if (name == "--rows")
      options.rows = std::stoll(value);
    else if (name == "--tokens")
      options.tokens = std::stoll(value);
    else if (name == "--repetitions")
      options.repetitions = std::stoi(value);
    else
      throw std::runtime_error("unknown option " + name);
  }
  return options;
}

/** Memory aligned to 64 bytes. */
class Aligned {
 public:
  explicit Aligned(size_t bytes) : memory_(std::make_unique<uint8_t[]>(bytes + 64)) {
    const auto address = reinterpret_cast<uintptr_t>(memory_.get());
    data_ = memory_.get() + (64 - address % 64) % 64;
  }
  uint8_t* data() const { return data_; }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  uint8_t* data_;
};

/** Blocks as in a GGUF. All float16 numbers in them are at even offsets: any pair of these bytes is one near 0.03. */
std::vector<uint8_t> random_weights(const NamedType& type, const Options& options) {
  const int64_t bytes = options.rows * (options.columns / type.block_values) * type.block_bytes;
  std::vector<uint8_t> weights(static_cast<size_t>(bytes));
  std::minstd_rand random(1);
  for (size_t i = 0; i + 1 < weights.size(); i += 2) {
    weights[i] = static_cast<uint8_t>(random() >> 8);
    weights[i + 1] = static_cast<uint8_t>(0x28 | (random() >> 8 & 0x83));
  }
  return weights;
}

/** Lets threads wait for each other; they spin, as ggml's do. */
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  /** @param step how often this thread has waited before */
  void wait(int64_t step) {
    arrived_.fetch_add(1);
    while (arrived_.load() < threads_ * (step + 1)) std::this_thread::yield();
  }

 private:
  const int64_t threads_;
  std::atomic<int64_t> arrived_{0};
};

int64_t divided(int64_t count, int64_t size) { return (count + size - 1) / size; }

class Product {
 public:
  Product(const GemmKernel& kernel, const NamedType& type, const Options& options)
      : kernel_(kernel),
        shape_{type.type, options.columns, options.rows},
        options_(options),
        panels_(divided(options.rows, kernel.panel_rows)),
        blocks_(divided(options.tokens, kernel.token_block)),
        inputs_(static_cast<size_t>(options.tokens * options.columns)),
        outputs_(static_cast<size_t>(options.tokens * options.rows)),
        weights_(kernel.weight_bytes(shape_)),
        activations_(kernel.activation_bytes(type.type, options.tokens, options.columns)) {
    kernel.pack_weights(shape_, random_weights(type, options).data(), weights_.data(), 0, panels_);
    std::minstd_rand random(2);
    std::uniform_real_distribution<float> any(-1, 1);
    for (float& value : inputs_) value = any(random);
  }

  /** Floating-point operations per second. @param products on all threads, one after another */
  double rate(int products) {
    Barrier barrier(options_.threads);
    const auto work = [&](int thread) {
      for (int i = 0; i < products; ++i) {
        pack(thread);
        barrier.wait(2 * i);
        multiply(thread);
        barrier.wait(2 * i + 1);
      }
    };
    const Clock::time_point started = Clock::now();
    std::vector<std::thread> others;
    for (int thread = 1; thread < options_.threads; ++thread) others.emplace_back(work, thread);
    work(0);
    for (std::thread& other : others) other.join();
    const std::chrono::duration<double> seconds = Clock::now() - started;
    const auto operations = 2 * options_.tokens * options_.columns * options_.rows * products;
    return static_cast<double>(operations) / seconds.count();
  }

 private:
  void pack(int thread) {
    const size_t stride = static_cast<size_t>(options_.columns);
    kernel_.pack_activations(shape_.type, {inputs_.data(), stride, options_.tokens, options_.columns},
                             activations_.data(), blocks_ * thread / options_.threads,
                             blocks_ * (thread + 1) / options_.threads);
  }

  void multiply(int thread) {
    kernel_.multiply(shape_, weights_.data(), activations_.data(), options_.tokens,
                     {outputs_.data(), static_cast<size_t>(options_.rows)}, panels_ * thread / options_.threads,
                     panels_ * (thread + 1) / options_.threads);
  }

  const GemmKernel& kernel_;
  const WeightShape shape_;
  const Options options_;
  const int64_t panels_;
  const int64_t blocks_;
  std::vector<float> inputs_;
  std::vector<float> outputs_;
  Aligned weights_;
  Aligned activations_;
};

/** The line of one kernel and type: the rate of each repetition. */
std::string measure(const GemmKernel& kernel, const NamedType& type, const Options& options) {
  Product product(kernel, type, options);
  const double once = 2.0 * static_cast<double>(options.tokens * options.columns * options.rows) / product.rate(1);
  const int products = std::max(1, static_cast<int>(options.seconds / once));
  std::string rates;
  for (int i = 0; i < options.repetitions; ++i) {
    char text[32];
    std::snprintf(text, sizeof text, "%s%.4g", i == 0 ? "" : ",", product.rate(products));
    rates += text;
  }
  return std::string("{\"name\":\"") + kernel.name + "\",\"type\":\"" + type.name + "\",\"rates\":[" + rates + "]}";
}

void run(const Options& options) {
  std::string found;
  for (const GemmKernel* kernel : starling::prefill::gemm_kernels())
    for (const NamedType& type : TYPES)
      if (kernel->takes({type.type, options.columns, options.rows}))
        found += (found.empty() ? "" : ",") + measure(*kernel, type, options);
  std::cout << "[" << found << "]" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "gemm_peak: " << error.what() << std::endl;
    return 1;
  }
}
