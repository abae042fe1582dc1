/** The half of RewardModel that runs once: weights, context, and what to tell about them. */
#include <algorithm>
#include <cmath>

#include "failure.h"
#include "log.h"
#include "reward_model.h"

namespace starling {

namespace {

struct LoadProgress {
  const StopSignal& stop;
  const std::function<void(float)>& report;
};

bool on_load_progress(float fraction, void* user_data) {
  const auto* progress = static_cast<const LoadProgress*>(user_data);
  try {
    progress->report(fraction);
  } catch (...) {
    // A lost progress report is no reason to fail.
  }
  return !progress->stop.requested();
}

bool on_abort_check(void* user_data) { return static_cast<const StopSignal*>(user_data)->requested(); }

/** Graphics processors, or where there is none the integrated ones: llama.cpp's own choice, made explicit. */
std::vector<ggml_backend_dev_t> gpu_devices(const LlamaFunctions& functions) {
  for (auto wanted : {GGML_BACKEND_DEVICE_TYPE_GPU, GGML_BACKEND_DEVICE_TYPE_IGPU}) {
    std::vector<ggml_backend_dev_t> found;
    for (size_t i = 0; i < functions.ggml_backend_dev_count(); ++i) {
      ggml_backend_dev_t device = functions.ggml_backend_dev_get(i);
      if (functions.ggml_backend_dev_type(device) == wanted) found.push_back(device);
    }
    if (!found.empty()) return found;
  }
  return {};
}

int32_t round_up(int32_t tokens) {
  const auto multiple = static_cast<int32_t>(RewardModel::DECODE_MULTIPLE);
  return (tokens + multiple - 1) / multiple * multiple;
}

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

}  // namespace

void RewardModel::load_weights(const std::function<void(float)>& on_progress) {
  const LogCapture log;
  if (options_.gpu_layers != 0) devices_ = gpu_devices(functions_);
  const bool use_gpu = !devices_.empty();
  std::vector<ggml_backend_dev_t> list = devices_;
  list.push_back(nullptr);
  LoadProgress progress{stop_, on_progress};
  llama_model_params params = functions_.llama_model_default_params();
  params.devices = list.data();
  params.n_gpu_layers = use_gpu ? options_.gpu_layers : 0;
  params.load_mode = options_.mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.progress_callback = &on_load_progress;
  params.progress_callback_user_data = &progress;
  try {
    model_.reset(functions_.llama_model_load_from_file(options_.path.c_str(), params));
  } catch (const std::exception& error) {
    throw Failure(std::string("llama.cpp failed: ") + error.what());
  }
  if (model_ != nullptr) return;
  if (stop_.requested()) throw Failure::aborted();
  throw Failure(log.reason("llama.cpp gave no reason"));
}

void RewardModel::read_info() {
  char text[256] = "";
  llama_model* model = model_.get();
  functions_.llama_model_meta_val_str(model, "general.architecture", text, sizeof text);
  info_.architecture = text;
  functions_.llama_model_desc(model, text, sizeof text);
  info_.description = text;
  info_.parameters = functions_.llama_model_n_params(model);
  info_.size = functions_.llama_model_size(model);
  info_.embedding_length = functions_.llama_model_n_embd(model);
  info_.vocabulary_size = functions_.llama_vocab_n_tokens(functions_.llama_model_get_vocab(model));
  info_.layers = functions_.llama_model_n_layer(model);
  info_.trained_context = functions_.llama_model_n_ctx_train(model);
  if (info_.architecture != "llama")
    throw Failure("The model's architecture is " + info_.architecture + "; only llama is supported.");
  if (options_.head.size() != static_cast<size_t>(info_.embedding_length))
    throw Failure("The reward head has " + std::to_string(options_.head.size()) + " weights, but the model has " +
                  std::to_string(info_.embedding_length) + " hidden dimensions.");
  for (ggml_backend_dev_t device : devices_) info_.devices.emplace_back(functions_.ggml_backend_dev_name(device));
  // Layers that do not fit on a GPU, or are not meant to, stay with the CPU.
  const bool all_on_gpu = options_.gpu_layers < 0 || options_.gpu_layers > info_.layers;
  if (devices_.empty() || !all_on_gpu) info_.devices.emplace_back("CPU");
}

/** An estimate: every Llama of this project has heads of n_embd / n_head dimensions. */
uint64_t RewardModel::key_value_bytes() const {
  const int32_t heads = std::max(1, functions_.llama_model_n_head(model_.get()));
  const auto head_size = static_cast<uint64_t>(info_.embedding_length / heads);
  const auto kv_heads = static_cast<uint64_t>(functions_.llama_model_n_head_kv(model_.get()));
  const uint64_t cells = options_.kv_unified
                             ? static_cast<uint64_t>(std::max(options_.context_tokens, options_.batch_tokens))
                             : static_cast<uint64_t>(options_.context_tokens) * group_sequences_;
  return 2 * cells * head_size * kv_heads * static_cast<uint64_t>(info_.layers) * (options_.kv_f32 ? 4 : 2);
}

void RewardModel::create_context() {
  const LogCapture log;
  // A decode holds no more sequences than tokens, and llama.cpp feeds at least one token of each in a micro-batch.
  const int32_t most = static_cast<int32_t>(functions_.llama_max_parallel_sequences());
  const int32_t sequences =
      std::min({options_.max_sequences, options_.batch_tokens, options_.micro_batch, std::max(1, most)});
  group_sequences_ = static_cast<size_t>(sequences);

  // Memory is handed out lazily by most systems: asking for more than the machine has would end the process later.
  uint64_t machine_bytes = 0;
  for (size_t i = 0; i < functions_.ggml_backend_dev_count(); ++i) {
    size_t free = 0;
    size_t total = 0;
    functions_.ggml_backend_dev_memory(functions_.ggml_backend_dev_get(i), &free, &total);
    machine_bytes += total;
  }
  const uint64_t cache_bytes = key_value_bytes();
  const std::string asked = std::to_string(options_.context_tokens) + " tokens of context for " +
                            std::to_string(sequences) + (sequences == 1 ? " sequence (" : " sequences (") +
                            mebibytes(cache_bytes) + " of key-value cache), micro-batches of " +
                            std::to_string(options_.micro_batch) + " tokens";
  if (machine_bytes > 0 && cache_bytes > machine_bytes)
    throw Failure("Not enough memory for " + asked + ": this machine has " + mebibytes(machine_bytes) +
                  ". Ask for fewer context tokens or sequences.");

  // Whole multiples, so that padded decodes fit and no micro-batch leaves rows over.
  const int32_t batch_tokens = round_up(options_.batch_tokens);
  const int32_t micro_batch = round_up(std::min(options_.micro_batch, options_.batch_tokens));
  const int32_t context_tokens = round_up(options_.context_tokens);
  const bool use_gpu = !devices_.empty();
  llama_context_params params = functions_.llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(options_.kv_unified ? std::max(context_tokens, batch_tokens)
                                                           : context_tokens * sequences);
  params.n_batch = static_cast<uint32_t>(batch_tokens);
  params.n_ubatch = static_cast<uint32_t>(micro_batch);
  params.n_seq_max = static_cast<uint32_t>(sequences);
  params.n_outputs_max = static_cast<uint32_t>(sequences);
  params.n_threads = options_.threads;
  params.n_threads_batch = options_.threads;
  params.embeddings = false;
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  params.attention_type = LLAMA_ATTENTION_TYPE_CAUSAL;
  params.flash_attn_type =
      options_.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.type_k = options_.kv_f32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
  params.type_v = params.type_k;
  params.kv_unified = options_.kv_unified;
  params.offload_kqv = use_gpu;
  params.op_offload = use_gpu;
  params.no_perf = true;
  params.cb_eval = &HiddenStates::callback;
  params.cb_eval_user_data = &hidden_;
  params.abort_callback = &on_abort_check;
  params.abort_callback_data = const_cast<StopSignal*>(&stop_);
  try {
    context_.reset(functions_.llama_init_from_model(model_.get(), params));
  } catch (const std::exception& error) {
    throw Failure("Not enough memory for " + asked + ", most likely: " + error.what());
  }
  if (context_ == nullptr)
    throw Failure("Not enough memory for " + asked + ", most likely: " + log.reason("llama.cpp gave no reason"));
  if (threads_.pool() != nullptr) functions_.llama_attach_threadpool(context_.get(), threads_.pool(), threads_.pool());
  decode_tokens_ = functions_.llama_n_batch(context_.get());
  info_.context_tokens =
      std::min(options_.context_tokens, static_cast<int32_t>(functions_.llama_n_ctx_seq(context_.get())));
}

}  // namespace starling
