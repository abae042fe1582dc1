#include "llama/model_weights.h"

#include <cstdlib>
#include <cstring>

#include "llama/log.h"
#include "llama/prefill_injection.h"
#include "llama/runtime.h"
#include "support/failure.h"

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
    // Lose a progress report, not the model.
  }
  return !progress->stop.requested();
}

/** GPUs, or if there are none the integrated ones, as llama.cpp chooses by default. */
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

std::vector<ggml_backend_dev_t> devices_named(const LlamaFunctions& functions, const std::vector<std::string>& names) {
  std::vector<ggml_backend_dev_t> devices;
  for (const std::string& name : names) {
    const size_t before = devices.size();
    for (size_t i = 0; i < functions.ggml_backend_dev_count() && devices.size() == before; ++i) {
      ggml_backend_dev_t device = functions.ggml_backend_dev_get(i);
      if (name == functions.ggml_backend_dev_name(device)) devices.push_back(device);
    }
    if (devices.size() == before) throw Failure("The llama.cpp runtime has no device called " + name + ".");
  }
  return devices;
}

llama_model_kv_override text_override(const char* key, const char* value) {
  llama_model_kv_override override{};
  override.tag = LLAMA_KV_OVERRIDE_TYPE_STR;
  std::strncpy(override.key, key, sizeof override.key - 1);
  std::strncpy(override.val_str, value, sizeof override.val_str - 1);
  return override;
}

}  // namespace

void ModelWeights::Deleter::operator()(llama_model* model) const { functions->llama_model_free(model); }

ModelWeights::ModelWeights(const ModelOptions& options, const StopSignal& stop,
                           const std::function<void(float)>& on_progress)
    : functions_(runtime::functions()), options_(options), model_(nullptr, Deleter{&functions_}) {
  load(stop, on_progress);
  if (stop.requested()) throw Failure::aborted();
  read_info();
}

void ModelWeights::load(const StopSignal& stop, const std::function<void(float)>& on_progress) {
  const LogCapture log;
  if (options_.gpu_layers != 0)
    devices_ = options_.devices.empty() ? gpu_devices(functions_) : devices_named(functions_, options_.devices);
  const bool use_gpu = !devices_.empty();
  if (use_gpu && static_cast<size_t>(options_.main_device) >= devices_.size())
    throw Failure("The main device " + std::to_string(options_.main_device) + " does not exist: there are " +
                  std::to_string(devices_.size()) + " devices, counted from 0.");
  if (use_gpu && options_.main_device_alone) devices_ = {devices_[static_cast<size_t>(options_.main_device)]};
  std::vector<ggml_backend_dev_t> list = devices_;
  list.push_back(nullptr);
  LoadProgress progress{stop, on_progress};
  // llama.cpp changes tokens of models with certain names ("phi-3"), and fails if they are missing.
  // none.
  const llama_model_kv_override overrides[] = {text_override("general.name", "reward model"), {}};
  llama_model_params params = functions_.llama_model_default_params();
  params.devices = list.data();
  params.n_gpu_layers = use_gpu ? options_.gpu_layers : 0;
  // The list of devices decides. With one device there is nothing to split.
  params.split_mode = LLAMA_SPLIT_MODE_LAYER;
  params.main_gpu = 0;
  params.load_mode = options_.mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.use_extra_bufts = options_.repacked;
  params.kv_overrides = overrides;
  params.progress_callback = &on_load_progress;
  params.progress_callback_user_data = &progress;
  PrefillAllowance allowance = options_.prefill;
  allowance.stop = &stop;
  const PrefillScope kernels(allowance);
  try {
    model_.reset(options_.file == nullptr ? functions_.llama_model_load_from_file(options_.path.c_str(), params)
                                          : functions_.llama_model_load_from_file_ptr(options_.file.get(), params));
  } catch (const std::exception& error) {
    throw Failure(std::string("llama.cpp failed: ") + error.what());
  }
  if (model_ != nullptr) return;
  if (stop.requested()) throw Failure::aborted();
  throw Failure(log.reason("llama.cpp gave no reason"));
}

void ModelWeights::read_info() {
  char text[256] = "";
  llama_model* model = model_.get();
  functions_.llama_model_meta_val_str(model, "general.architecture", text, sizeof text);
  info_.architecture = text;
  const std::string key_length = info_.architecture + ".attention.key_length";
  functions_.llama_model_meta_val_str(model, key_length.c_str(), text, sizeof text);
  info_.head_length = std::atoi(text);
  functions_.llama_model_desc(model, text, sizeof text);
  info_.description = text;
  info_.parameters = functions_.llama_model_n_params(model);
  info_.size = functions_.llama_model_size(model);
  info_.embedding_length = functions_.llama_model_n_embd(model);
  info_.vocabulary_size = functions_.llama_vocab_n_tokens(functions_.llama_model_get_vocab(model));
  info_.layers = functions_.llama_model_n_layer(model);
  info_.trained_context = functions_.llama_model_n_ctx_train(model);
  info_.context_tokens = options_.context_tokens;
  if (options_.head.width() != static_cast<size_t>(info_.embedding_length))
    throw Failure("The reward head takes " + std::to_string(options_.head.width()) + " numbers, but the model has " +
                  std::to_string(info_.embedding_length) + " hidden dimensions.");
  for (ggml_backend_dev_t device : devices_) info_.devices.emplace_back(functions_.ggml_backend_dev_name(device));
  // The remaining layers stay on the CPU.
  const bool all_on_gpu = options_.gpu_layers < 0 || options_.gpu_layers > info_.layers;
  if (devices_.empty() || !all_on_gpu) info_.devices.emplace_back("CPU");
}

}  // namespace starling
