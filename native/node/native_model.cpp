#include "node/native_model.h"

#include <cmath>
#include <utility>

#include "node/arguments.h"

namespace starling {

namespace {

Napi::Object describe(Napi::Env env, const ModelInfo& info) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("architecture", info.architecture);
  object.Set("description", info.description);
  object.Set("parameters", static_cast<double>(info.parameters));
  object.Set("size", static_cast<double>(info.size));
  object.Set("embeddingLength", info.embedding_length);
  object.Set("vocabularySize", info.vocabulary_size);
  object.Set("layers", info.layers);
  object.Set("trainedContext", info.trained_context);
  object.Set("contextTokens", info.context_tokens);
  Napi::Array devices = Napi::Array::New(env, info.devices.size());
  for (size_t i = 0; i < info.devices.size(); ++i) devices.Set(static_cast<uint32_t>(i), info.devices[i]);
  devices.Freeze();
  object.Set("devices", devices);
  object.Freeze();
  return object;
}

/** The arguments of the next NativeModel. Only create() sets them, so JS cannot construct one. */
thread_local NativeModel::LoadedModel* current_model = nullptr;

/** The result of a single sequence. */
napi_value float_array(Napi::Env env, std::vector<std::vector<float>>& rewards) {
  Napi::Float32Array array = Napi::Float32Array::New(env, rewards[0].size());
  std::copy(rewards[0].begin(), rewards[0].end(), array.Data());
  return array;
}

}  // namespace

Napi::Function NativeModel::define(Napi::Env env) {
  const Napi::Function constructor = DefineClass(
      env, "NativeModel",
      {InstanceMethod<&NativeModel::score>("score"), InstanceMethod<&NativeModel::score_each>("scoreEach"),
       InstanceMethod<&NativeModel::features>("features"), InstanceMethod<&NativeModel::score_tokens>("scoreTokens"),
       InstanceMethod<&NativeModel::pin_prefix>("pinPrefix"), InstanceMethod<&NativeModel::unpin_prefix>("unpinPrefix"),
       InstanceMethod<&NativeModel::close>("close")});
  constructor.Get("prototype")
      .As<Napi::Object>()
      .DefineProperties({Napi::PropertyDescriptor::Accessor<&NativeModel::computed_tokens>("computedTokens"),
                         Napi::PropertyDescriptor::Accessor<&NativeModel::reused_tokens>("reusedTokens"),
                         Napi::PropertyDescriptor::Accessor<&NativeModel::is_closed>("closed")});
  return constructor;
}

Napi::Value NativeModel::create(Napi::Env env, LoadedModel loaded) {
  current_model = &loaded;
  try {
    const Napi::Value model = Environment::of(env)->model_class.New({});
    current_model = nullptr;
    return model;
  } catch (...) {
    current_model = nullptr;
    throw;
  }
}

NativeModel::NativeModel(const Napi::CallbackInfo& call) : Napi::ObjectWrap<NativeModel>(call) {
  if (current_model == nullptr) throw Napi::TypeError::New(call.Env(), "NativeModel objects come from loadModel().");
  loaded_ = std::move(*std::exchange(current_model, nullptr));
  call.This().As<Napi::Object>().TypeTag(&TAG);
  call.This().As<Napi::Object>().DefineProperty(
      Napi::PropertyDescriptor::Value("info", describe(call.Env(), loaded_.info), napi_enumerable));
}

/** Closes a model that is garbage-collected. Its thread then ends. */
NativeModel::~NativeModel() {
  if (loaded_.worker != nullptr) loaded_.worker->request_stop();
}

Sequences NativeModel::read_sequences(Napi::Value value) const {
  Sequences sequences;
  each_sequence(value, "sequences",
                [&](Napi::Value element, const std::string& name) { add_sequence(sequences, element, name); });
  return sequences;
}

void NativeModel::add_sequence(Sequences& sequences, Napi::Value value, const std::string& name) const {
  const Napi::Env env = value.Env();
  const auto ids = expect_ids(value, name, static_cast<size_t>(loaded_.info.context_tokens));
  const size_t length = ids.ElementLength();
  with_js_errors(env, "The sequences could not be copied", [&] { sequences.add(ids.Data(), length); });
  // Check the copy: another thread may write to the original.
  const int32_t* copy = sequences[sequences.count() - 1].ids;
  for (size_t k = 0; k < length; ++k)
    if (copy[k] < 0 || copy[k] >= loaded_.info.vocabulary_size)
      throw_range_error(env, "Expected ids from 0 to " + std::to_string(loaded_.info.vocabulary_size - 1) + " in " +
                                 name + " but received " + std::to_string(copy[k]) + " at index " + std::to_string(k) +
                                 ".");
}

/** Creates the promise and the callbacks of a job, which the caller submits. Returns `{ promise, cancel }`. */
Napi::Value NativeModel::prepare(const Napi::CallbackInfo& call, NewJobs& created, const std::shared_ptr<ScoreJob>& job,
                                 Napi::Value on_progress, MakeValue make_value) {
  const Napi::Env env = call.Env();
  Napi::Promise promise;
  const JobId id = created.add(on_progress, call.This(), &promise);
  const std::shared_ptr<Mailbox> mailbox = Environment::of(env)->mailbox;
  const auto completion = std::make_shared<Completion>(mailbox, id);
  const bool wants_progress = on_progress.IsFunction();
  job->on_progress = [mailbox, id, wants_progress](size_t sequences, size_t tokens) {
    if (!wants_progress) return;
    mailbox->post([id, sequences, tokens](napi_env inner) {
      const auto second = static_cast<double>(tokens);
      Environment::of(inner)->jobs.report(inner, id, static_cast<double>(sequences), &second);
    });
  };
  const auto result = std::make_shared<std::vector<std::vector<float>>>();
  std::function<napi_value(napi_env)> make = [result, make_value = std::move(make_value)](napi_env inner) {
    return make_value(Napi::Env(inner), *result);
  };
  job->on_done = [completion, result, make = std::move(make)](std::vector<std::vector<float>> rewards) mutable {
    *result = std::move(rewards);
    completion->resolve(std::move(make));
  };
  job->on_failed = [completion](const Failure& failure) { completion->reject(failure); };
  return cancellable_job(env, promise, [worker = loaded_.worker, job] { worker->cancel(job); });
}

Napi::Value NativeModel::submit_one(const Napi::CallbackInfo& call, const std::shared_ptr<ScoreJob>& job,
                                    Napi::Value on_progress, MakeValue make_value) {
  NewJobs created(call.Env(), Environment::of(call.Env())->jobs);
  const Napi::Value result = prepare(call, created, job, on_progress, std::move(make_value));
  const std::vector<std::shared_ptr<ScoreJob>> jobs{job};
  loaded_.worker->submit(jobs);
  created.commit();
  return result;
}

/** score(sequences, onProgress?: (sequencesDone, tokensDone) => void): CancellableJob<Float32Array> */
Napi::Value NativeModel::score(const Napi::CallbackInfo& call) {
  expect_callback(call[1], "onProgress");
  auto job = std::make_shared<ScoreJob>();
  job->sequences = read_sequences(call[0]);
  return submit_one(call, job, call[1], [](Napi::Env env, std::vector<std::vector<float>>& rewards) {
    Napi::Float32Array array = Napi::Float32Array::New(env, rewards.size());
    for (size_t i = 0; i < rewards.size(); ++i) array[i] = rewards[i].back();
    return array;
  });
}

/** One job per sequence, all queued before the first one starts. */
Napi::Value NativeModel::submit_each(const Napi::CallbackInfo& call, bool features, const MakeValue& make_value) {
  const Sequences sequences = read_sequences(call[0]);
  NewJobs created(call.Env(), Environment::of(call.Env())->jobs);
  std::vector<std::shared_ptr<ScoreJob>> jobs;
  const Napi::Array results = Napi::Array::New(call.Env(), sequences.count());
  for (size_t i = 0; i < sequences.count(); ++i) {
    const Napi::HandleScope scope(call.Env());
    auto job = std::make_shared<ScoreJob>();
    job->sequences.add(sequences[i].ids, sequences[i].length);
    job->features = features;
    results.Set(static_cast<uint32_t>(i), prepare(call, created, job, call.Env().Undefined(), make_value));
    jobs.push_back(std::move(job));
  }
  loaded_.worker->submit(jobs);
  created.commit();
  return results;
}

/** scoreEach(sequences: readonly Int32Array[]): CancellableJob<number>[] */
Napi::Value NativeModel::score_each(const Napi::CallbackInfo& call) {
  return submit_each(call, false, [](Napi::Env env, std::vector<std::vector<float>>& rewards) {
    return Napi::Number::New(env, static_cast<double>(rewards[0].back()));
  });
}

/** features(sequences: readonly Int32Array[]): CancellableJob<Float32Array>[] */
Napi::Value NativeModel::features(const Napi::CallbackInfo& call) { return submit_each(call, true, float_array); }

/** scoreTokens(sequence: Int32Array, from: number): CancellableJob<Float32Array> */
Napi::Value NativeModel::score_tokens(const Napi::CallbackInfo& call) {
  auto job = std::make_shared<ScoreJob>();
  add_sequence(job->sequences, call[0], "sequence");
  const size_t length = job->sequences[0].length;
  const double from = call[1].IsNumber() ? call[1].As<Napi::Number>().DoubleValue() : -1;
  if (!(from >= 0 && from < static_cast<double>(length)) || from != std::floor(from))
    throw_range_error(call.Env(), "Expected a whole number from 0 to " + std::to_string(length - 1) + " for from.");
  job->rewards_from = static_cast<size_t>(from);
  return submit_one(call, job, call.Env().Undefined(), float_array);
}

/** pinPrefix(prefix: Int32Array): CancellableJob<number> */
Napi::Value NativeModel::pin_prefix(const Napi::CallbackInfo& call) {
  auto job = std::make_shared<ScoreJob>();
  add_sequence(job->sequences, call[0], "prefix");
  job->pin = Environment::of(call.Env())->next_prefix_id++;
  return submit_one(call, job, call.Env().Undefined(),
                    [id = job->pin](Napi::Env env, std::vector<std::vector<float>>&) {
                      return Napi::Number::New(env, static_cast<double>(id));
                    });
}

/** unpinPrefix(id: number): void */
Napi::Value NativeModel::unpin_prefix(const Napi::CallbackInfo& call) {
  // Larger ids belong to the ModelWorker.
  const auto given = Environment::of(call.Env())->next_prefix_id;
  const int64_t id = call[0].IsNumber() ? call[0].As<Napi::Number>().Int64Value() : 0;
  if (id > 0 && static_cast<PrefixId>(id) < given) loaded_.worker->unpin(static_cast<PrefixId>(id));
  return call.Env().Undefined();
}

/** close(): Promise<void> */
Napi::Value NativeModel::close(const Napi::CallbackInfo& call) {
  if (!closing_.IsEmpty()) return closing_.Value();
  Environment* environment = Environment::of(call.Env());
  NewJobs created(call.Env(), environment->jobs);
  Napi::Promise promise;
  const JobId job = created.add(call.Env().Undefined(), call.This(), &promise);
  Napi::ObjectReference closing = Napi::Persistent(promise.As<Napi::Object>());
  environment->close_jobs[loaded_.id] = job;
  created.commit();
  closing_ = std::move(closing);
  loaded_.worker->request_stop();
  return promise;
}

/** get computedTokens(): number */
Napi::Value NativeModel::computed_tokens(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(),
                           static_cast<double>(receiver<NativeModel>(call)->loaded_.worker->computed_tokens()));
}

/** get reusedTokens(): number */
Napi::Value NativeModel::reused_tokens(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(),
                           static_cast<double>(receiver<NativeModel>(call)->loaded_.worker->reused_tokens()));
}

/** get closed(): boolean */
Napi::Value NativeModel::is_closed(const Napi::CallbackInfo& call) {
  return Napi::Boolean::New(call.Env(), !receiver<NativeModel>(call)->closing_.IsEmpty());
}

}  // namespace starling
