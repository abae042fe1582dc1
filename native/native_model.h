#pragma once

#include <napi.h>

#include <memory>

#include "environment.h"
#include "model_options.h"
#include "model_worker.h"

namespace starling {

/** The JS class NativeModel: a handle on a ModelWorker whose model is loaded. JS gets instances from loadModel(). */
class NativeModel : public Napi::ObjectWrap<NativeModel> {
 public:
  static Napi::Function define(Napi::Env env);

  struct Parts {
    WorkerId id;
    std::shared_ptr<ModelWorker> worker;
    ModelInfo info;
  };
  /** @throws Napi::Error */
  static Napi::Value create(Napi::Env env, Parts parts);

  explicit NativeModel(const Napi::CallbackInfo& call);
  ~NativeModel() override;

 private:
  Napi::Value score(const Napi::CallbackInfo& call);
  Napi::Value close(const Napi::CallbackInfo& call);
  Napi::Value is_closed(const Napi::CallbackInfo& call);
  Sequences read_sequences(Napi::Value value) const;

  Parts parts_;
  Napi::ObjectReference closing_;
};

}  // namespace starling
