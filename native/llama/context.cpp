#include "llama/context.h"

#include <algorithm>

#include "llama/log.h"
#include "llama/runtime.h"
#include "support/failure.h"

namespace starling {

namespace {

bool on_abort_check(void* user_data) { return static_cast<const StopSignal*>(user_data)->requested(); }

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

}  // namespace

size_t round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

void Context::Deleter::operator()(llama_context* context) const { functions->llama_free(context); }

Context::Context(const ModelOptions& options, const ModelWeights& weights, HiddenStates& hidden,
                 const ComputeThreads& solo, const StopSignal& stop)
    : functions_(runtime::functions()),
      options_(options),
      weights_(weights),
      hidden_(hidden),
      solo_threads_(solo),
      stop_(stop),
      threads_(functions_, options.worker_threads),
      context_(nullptr, Deleter{&functions_}) {}

bool Context::fits(size_t cells, size_t outputs) const {
  return context_ != nullptr && cells <= cells_ && outputs <= outputs_;
}

llama_context_params Context::parameters(size_t cells, size_t outputs) const {
  const bool use_gpu = weights_.on_gpu();
  const bool packed = options_.max_sequences > 1;
  const auto row_multiple = static_cast<size_t>(options_.row_multiple);
  llama_context_params params = functions_.llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(cells);
  // Whole multiples, so that no micro-batch has a remainder of rows.
  const size_t batch_tokens = round_up(static_cast<size_t>(options_.batch_tokens), row_multiple);
  const size_t micro_batch = round_up(static_cast<size_t>(options_.micro_batch), row_multiple);
  params.n_batch = static_cast<uint32_t>(std::min(batch_tokens, cells));
  params.n_ubatch = std::min(static_cast<uint32_t>(micro_batch), params.n_batch);
  params.n_seq_max = static_cast<uint32_t>(packed ? options_.max_sequences + 1 : 1);
  params.n_outputs_max = static_cast<uint32_t>(outputs);
  params.n_threads = options_.solo_threads;
  params.n_threads_batch = options_.solo_threads;
  params.embeddings = false;
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  params.attention_type = LLAMA_ATTENTION_TYPE_CAUSAL;
  params.flash_attn_type = options_.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.type_k = options_.kv_f32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
  params.type_v = params.type_k;
  // The sequences of a batch share cells; with a cache per sequence they could not.
  params.kv_unified = true;
  params.offload_kqv = use_gpu;
  params.op_offload = use_gpu;
  params.no_perf = true;
  params.cb_eval = &HiddenStates::callback;
  params.cb_eval_user_data = &hidden_;
  params.abort_callback = &on_abort_check;
  params.abort_callback_data = const_cast<StopSignal*>(&stop_);
  return params;
}

void Context::create(size_t cells, size_t outputs) {
  const LogCapture log;
  context_.reset();
  const llama_context_params params = parameters(cells, outputs);
  const std::string asked =
      "a context of " + std::to_string(cells) + " tokens in micro-batches of " + std::to_string(params.n_ubatch);
  check_memory(cells, asked);
  try {
    context_.reset(functions_.llama_init_from_model(weights_.get(), params));
  } catch (const std::exception& error) {
    throw Failure("Not enough memory for " + asked + ", most likely: " + error.what());
  }
  if (context_ == nullptr)
    throw Failure("Not enough memory for " + asked + ", most likely: " + log.reason("llama.cpp gave no reason"));
  attach_threads();
  batch_tokens_ = functions_.llama_n_batch(context_.get());
  cells_ = cells;
  outputs_ = outputs;
}

/** Most systems commit memory lazily: if the machine has too little, the process would be killed later. */
void Context::check_memory(size_t cells, const std::string& asked) const {
  llama_model* model = weights_.get();
  const auto width = static_cast<uint64_t>(weights_.info().head_length) *
                     static_cast<uint64_t>(functions_.llama_model_n_head_kv(model));
  const auto layers = static_cast<uint64_t>(functions_.llama_model_n_layer(model));
  const uint64_t wanted = 2 * cells * width * layers * (options_.kv_f32 ? 4 : 2);
  uint64_t machine = 0;
  for (size_t i = 0; i < functions_.ggml_backend_dev_count(); ++i) {
    size_t free = 0;
    size_t total = 0;
    functions_.ggml_backend_dev_memory(functions_.ggml_backend_dev_get(i), &free, &total);
    machine += total;
  }
  if (machine > 0 && wanted > machine)
    throw Failure("Not enough memory for " + asked + ": its key-value cache needs " + mebibytes(wanted) +
                  ", and this machine has " + mebibytes(machine) + ". Ask for fewer context tokens.");
}

void Context::use_all_threads(bool all) {
  if (all_threads_ == all) return;
  all_threads_ = all;
  if (context_ != nullptr) attach_threads();
}

void Context::attach_threads() {
  const ComputeThreads& threads = all_threads_ ? solo_threads_ : threads_;
  functions_.llama_set_n_threads(context_.get(), threads.count(), threads.count());
  // Without a pool llama.cpp starts threads for each decode; a single thread needs no pool.
  if (threads.pool() != nullptr)
    functions_.llama_attach_threadpool(context_.get(), threads.pool(), threads.pool());
  else
    functions_.llama_detach_threadpool(context_.get());
}

}  // namespace starling
