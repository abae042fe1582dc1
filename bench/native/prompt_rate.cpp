/**
 * Measures llama.cpp's prompt-processing rate like llama-bench (test_prompt in tools/llama-bench/llama-bench.cpp of
 * llama.cpp v0.4.0), with the runtime libraries of the addon: random tokens, one sequence, memory cleared before each
 * prompt, the context's defaults (flash attention "auto", f16 key-value cache, logits of the last token only),
 * llama-bench's thread pool. Prints one JSON line when it is ready, then one per input line.
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "llama/log.h"
#include "llama/runtime.h"

namespace {

using starling::LlamaFunctions;

struct Options {
  starling::RuntimeLibraries libraries;
  std::string model;
  int threads = 1;
  /** Tokens of one prompt, and prompts of one measurement. */
  int tokens = 512;
  int prompts = 1;
  int micro_batch = 512;
  int gpu_layers = 0;
  llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
  ggml_type kv_type = GGML_TYPE_F16;
  /** llama-bench's default; 0 = sleep between graphs. */
  uint32_t poll = 50;
  /** Instead: the embedding path, with pooling "last", and all prompts in one batch or one per decode. */
  enum { NONE, BATCH, EACH } embeddings = NONE;
  int sequences() const { return embeddings == BATCH ? prompts : 1; }
};

llama_flash_attn_type flash_attention_type(const std::string& name) {
  if (name == "on") return LLAMA_FLASH_ATTN_TYPE_ENABLED;
  return name == "off" ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_AUTO;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--folder")
      options.libraries.folder = value;
    else if (name == "--ggml-base")
      options.libraries.ggml_base = value;
    else if (name == "--ggml")
      options.libraries.ggml = value;
    else if (name == "--llama")
      options.libraries.llama = value;
    else if (name == "--version")
      options.libraries.version = value;
    else if (name == "--model")
      options.model = value;
    else if (name == "--threads")
      options.threads = std::stoi(value);
    else if (name == "--tokens")
      options.tokens = std::stoi(value);
    else if (name == "--prompts")
      options.prompts = std::stoi(value);
    else if (name == "--micro-batch")
      options.micro_batch = std::stoi(value);
    else if (name == "--gpu-layers")
      options.gpu_layers = std::stoi(value);
    else if (name == "--flash-attention")
      options.flash_attention = flash_attention_type(value);
    else if (name == "--kv-type")
      options.kv_type = value == "f32" ? GGML_TYPE_F32 : GGML_TYPE_F16;
    else if (name == "--embeddings")
      options.embeddings = value == "batch" ? Options::BATCH : Options::EACH;
    else if (name == "--poll")
      options.poll = static_cast<uint32_t>(std::stoul(value));
    else
      throw std::runtime_error("unknown option " + name);
  }
  return options;
}

class PromptRate {
 public:
  explicit PromptRate(const Options& options) : options_(options), functions_(starling::runtime::functions()) {
    const starling::LogCapture log;
    llama_model_params model_params = functions_.llama_model_default_params();
    ggml_backend_dev_t no_device = nullptr;
    if (options.gpu_layers == 0) model_params.devices = &no_device;
    model_params.n_gpu_layers = options.gpu_layers;
    model_ = functions_.llama_model_load_from_file(options.model.c_str(), model_params);
    if (model_ == nullptr) throw std::runtime_error(log.reason("the model was not loaded"));
    llama_context_params params = functions_.llama_context_default_params();
    const int tokens = options.tokens * options.sequences();
    params.n_ctx = static_cast<uint32_t>(tokens);
    params.n_batch = static_cast<uint32_t>(tokens);
    params.n_ubatch = static_cast<uint32_t>(std::min(options.micro_batch, tokens));
    if (options.embeddings != Options::NONE) {
      // A pooled sequence must fit into one micro-batch.
      params.n_ubatch = params.n_batch;
      params.embeddings = true;
      params.pooling_type = LLAMA_POOLING_TYPE_LAST;
      params.n_seq_max = static_cast<uint32_t>(options.sequences());
      params.kv_unified = true;
    }
    params.n_threads = options.threads;
    params.n_threads_batch = options.threads;
    params.flash_attn_type = options.flash_attention;
    params.type_k = options.kv_type;
    params.type_v = options.kv_type;
    context_ = functions_.llama_init_from_model(model_, params);
    if (context_ == nullptr) throw std::runtime_error(log.reason("the context was not made"));
    attach_threads();
    vocabulary_ = functions_.llama_vocab_n_tokens(functions_.llama_model_get_vocab(model_));
  }

  ~PromptRate() {
    if (context_ != nullptr) functions_.llama_free(context_);
    if (free_pool_ != nullptr) free_pool_(pool_);
    if (model_ != nullptr) functions_.llama_model_free(model_);
  }
  PromptRate(const PromptRate&) = delete;
  PromptRate& operator=(const PromptRate&) = delete;

  /** Evaluates one measurement's prompts. */
  void run(int prompts) {
    std::vector<llama_token> tokens(static_cast<size_t>(options_.tokens));
    std::uniform_int_distribution<llama_token> any(0, vocabulary_ - 1);
    if (options_.embeddings == Options::BATCH) return run_batch(any, prompts);
    for (int prompt = 0; prompt < prompts; ++prompt) {
      for (llama_token& token : tokens) token = any(random_);
      functions_.llama_memory_clear(functions_.llama_get_memory(context_), false);
      // Like llama_batch_get_one: consecutive positions, output only for the last token.
      llama_batch batch{};
      batch.n_tokens = options_.tokens;
      batch.token = tokens.data();
      if (functions_.llama_decode(context_, batch) != 0) throw std::runtime_error("llama_decode failed");
    }
    functions_.llama_synchronize(context_);
  }

 private:
  void run_batch(std::uniform_int_distribution<llama_token>& any, int prompts) {
    std::vector<llama_token> tokens;
    std::vector<llama_pos> positions;
    std::vector<llama_seq_id> sequences;
    for (int prompt = 0; prompt < prompts; ++prompt)
      for (int i = 0; i < options_.tokens; ++i) {
        tokens.push_back(any(random_));
        positions.push_back(i);
        sequences.push_back(prompt);
      }
    std::vector<int32_t> counts(tokens.size(), 1);
    std::vector<llama_seq_id*> pointers;
    for (llama_seq_id& sequence : sequences) pointers.push_back(&sequence);
    std::vector<int8_t> outputs(tokens.size(), 1);
    llama_batch batch{};
    batch.n_tokens = static_cast<int32_t>(tokens.size());
    batch.token = tokens.data();
    batch.pos = positions.data();
    batch.n_seq_id = counts.data();
    batch.seq_id = pointers.data();
    batch.logits = outputs.data();
    functions_.llama_memory_clear(functions_.llama_get_memory(context_), false);
    if (functions_.llama_decode(context_, batch) != 0) throw std::runtime_error("llama_decode failed");
    functions_.llama_synchronize(context_);
  }

  void attach_threads() {
    ggml_backend_dev_t cpu = functions_.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    ggml_backend_reg_t registry = functions_.ggml_backend_dev_backend_reg(cpu);
    const auto create = reinterpret_cast<decltype(&::ggml_threadpool_new)>(
        functions_.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_new"));
    free_pool_ = reinterpret_cast<decltype(&::ggml_threadpool_free)>(
        functions_.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_free"));
    if (create == nullptr || free_pool_ == nullptr) throw std::runtime_error("the CPU backend has no thread pool");
    ggml_threadpool_params params;
    functions_.ggml_threadpool_params_init(&params, options_.threads);
    params.poll = options_.poll;
    pool_ = create(&params);
    functions_.llama_attach_threadpool(context_, pool_, nullptr);
  }

  const Options options_;
  const LlamaFunctions& functions_;
  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
  ggml_threadpool_t pool_ = nullptr;
  decltype(&::ggml_threadpool_free) free_pool_ = nullptr;
  int32_t vocabulary_ = 0;
  std::mt19937 random_{1};
};

void serve(const Options& options) {
  starling::runtime::open(options.libraries);
  PromptRate rate(options);
  std::cout << "{\"ready\":true}" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto started = std::chrono::steady_clock::now();
    const std::clock_t cpu_started = std::clock();
    rate.run(line == "warm" ? 1 : options.prompts);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started;
    const double cpu = static_cast<double>(std::clock() - cpu_started) / CLOCKS_PER_SEC;
    char text[160];
    std::snprintf(text, sizeof text, "{\"tokens\":%d,\"seconds\":%.6f,\"cpuSeconds\":%.6f}",
                  options.tokens * options.prompts, wall.count(), cpu);
    std::cout << text << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    serve(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "prompt_rate: " << error.what() << std::endl;
    return 1;
  }
}
