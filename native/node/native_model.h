#pragma once

#include <napi.h>

#include <memory>

#include "llama/model_options.h"
#include "model/model_worker.h"
#include "node/environment.h"

namespace starling {

/** The JS class NativeModel: a handle on a ModelWorker with a loaded model. loadModel() creates the instances. */
class NativeModel : public Napi::ObjectWrap<NativeModel> {
 public:
  static Napi::Function define(Napi::Env env);

  struct LoadedModel {
    WorkerId id;
    std::shared_ptr<ModelWorker> worker;
    ModelInfo info;
  };
  /** @throws Napi::Error */
  static Napi::Value create(Napi::Env env, LoadedModel loaded);

  /** Marks the objects of this class: Node does not check the receiver of a getter. */
  static constexpr napi_type_tag TAG{0x8d1f20b4c9e64a37, 0xa52be07c13d84f96};

  explicit NativeModel(const Napi::CallbackInfo& call);
  ~NativeModel() override;

 private:
  Napi::Value score(const Napi::CallbackInfo& call);
  Napi::Value score_each(const Napi::CallbackInfo& call);
  Napi::Value features(const Napi::CallbackInfo& call);
  Napi::Value score_tokens(const Napi::CallbackInfo& call);
  Napi::Value pin_prefix(const Napi::CallbackInfo& call);
  Napi::Value unpin_prefix(const Napi::CallbackInfo& call);
  Napi::Value close(const Napi::CallbackInfo& call);
  static Napi::Value computed_tokens(const Napi::CallbackInfo& call);
  static Napi::Value reused_tokens(const Napi::CallbackInfo& call);
  static Napi::Value is_closed(const Napi::CallbackInfo& call);
  Sequences read_sequences(Napi::Value value) const;
  void add_sequence(Sequences& sequences, Napi::Value value, const std::string& name) const;
  using MakeValue = std::function<napi_value(Napi::Env, std::vector<std::vector<float>>&)>;
  Napi::Value prepare(const Napi::CallbackInfo& call, NewJobs& created, const std::shared_ptr<ScoreJob>& job,
                      Napi::Value on_progress, MakeValue make_value);
  Napi::Value submit_one(const Napi::CallbackInfo& call, const std::shared_ptr<ScoreJob>& job, Napi::Value on_progress,
                         MakeValue make_value);
  Napi::Value submit_each(const Napi::CallbackInfo& call, bool features, const MakeValue& make_value);

  LoadedModel loaded_;
  Napi::ObjectReference closing_;
};

}  // namespace starling
