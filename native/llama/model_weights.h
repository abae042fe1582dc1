#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "llama/llama_functions.h"
#include "llama/model_options.h"
#include "support/stop_signal.h"

namespace starling {

/** A loaded llama_model, shared by all context workers. */
class ModelWeights {
 public:
  /** @throws Failure; with code "ABORTED" once `stop` is requested */
  ModelWeights(const ModelOptions& options, const StopSignal& stop, const std::function<void(float)>& on_progress);

  llama_model* get() const { return model_.get(); }
  const ModelInfo& info() const { return info_; }
  bool on_gpu() const { return !devices_.empty(); }

 private:
  struct Deleter {
    void operator()(llama_model* model) const;
    const LlamaFunctions* functions;
  };

  void load(const StopSignal& stop, const std::function<void(float)>& on_progress);
  void read_info();

  const LlamaFunctions& functions_;
  const ModelOptions& options_;
  ModelInfo info_;
  std::vector<ggml_backend_dev_t> devices_;
  std::unique_ptr<llama_model, Deleter> model_;
};

}  // namespace starling
