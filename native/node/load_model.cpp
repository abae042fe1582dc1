#include <cerrno>
#include <cstring>
#include <limits>

#ifndef _WIN32
#include <fcntl.h>
#include <unistd.h>
#endif

#include "llama/runtime.h"
#include "node/addon_parts.h"
#include "node/arguments.h"
#include "node/native_model.h"

namespace starling {

namespace {

/** Far above every use; they keep sums and products of sizes within 32 bits. */
constexpr int32_t MAX_CONTEXT_TOKENS = 1 << 27;
constexpr int32_t MAX_BATCH_TOKENS = 1 << 16;
/** One less than LLAMA_MAX_SEQ, for the cached sequence. */
constexpr int32_t MAX_SEQUENCES = 255;
constexpr int32_t MAX_CONTEXT_WORKERS = 64;
/** More rows than any kernel takes at a time. */
constexpr int32_t MAX_ROW_MULTIPLE = 64;
constexpr int32_t MAX_PINNED_MEBIBYTES = 1 << 20;
constexpr int32_t MAX_LAYERS = 10'000;
/** GGML_SCHED_MAX_BACKENDS is 16; whether the device exists is checked on loading. */
constexpr int32_t MAX_MAIN_DEVICE = 63;

constexpr int32_t MAX_VOCABULARY = 1 << 20;
constexpr int64_t MAX_WEIGHT_COLUMNS = 1 << 20;

/**
 * A new stream for a file that JS has open: llama.cpp then reads the file that was checked, even if its path now names
 * another. Duplicated on the JS thread, where the file cannot be closed meanwhile. On Windows C libraries do not share
 * descriptors, and `descriptor` is never given.
 */
std::shared_ptr<std::FILE> stream_of(int descriptor, Napi::Env env) {
  if (descriptor < 0) return nullptr;
#ifdef _WIN32
  throw_range_error(env, "options.descriptor cannot be used on Windows.");
#else
  const int own = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  std::FILE* stream = own < 0 ? nullptr : ::fdopen(own, "rb");
  if (stream == nullptr) {
    const std::string reason = std::strerror(errno);
    if (own >= 0) ::close(own);
    throw_range_error(env, "The open file cannot be handed to llama.cpp: " + reason + ".");
  }
  return {stream, [](std::FILE* file) { std::fclose(file); }};
#endif
}

ModelOptions read_options(Napi::Value value) {
  const Arguments arguments(value, "options");
  ModelOptions options;
  options.path = arguments.text("path");
  options.gpu_layers = arguments.integer("gpuLayers", -1, MAX_LAYERS);
  options.devices = arguments.optional_texts("devices");
  options.main_device_alone = arguments.one_of("splitMode", {"none", "layer"}) == "none";
  options.main_device = arguments.integer("mainDevice", 0, MAX_MAIN_DEVICE);
  options.context_tokens = arguments.integer("contextTokens", 1, MAX_CONTEXT_TOKENS);
  options.micro_batch = arguments.integer("microBatch", 1, MAX_BATCH_TOKENS);
  options.max_sequences = arguments.integer("maxSequences", 1, MAX_SEQUENCES);
  options.batch_tokens = arguments.integer("batchTokens", 1, MAX_BATCH_TOKENS);
  options.context_workers = arguments.integer("contextWorkers", 1, MAX_CONTEXT_WORKERS);
  options.worker_threads = arguments.integer("workerThreads", 1, GGML_MAX_N_THREADS);
  options.solo_threads = arguments.integer("soloThreads", 1, GGML_MAX_N_THREADS);
  options.flash_attention = arguments.flag("flashAttention");
  options.kv_f32 = arguments.one_of("kvType", {"f32", "f16"}) == "f32";
  options.mmap = arguments.flag("mmap");
  options.repacked = arguments.flag("repacked");
  options.row_multiple = arguments.integer("rowMultiple", 1, MAX_ROW_MULTIPLE);
  for (const Arguments& choice : arguments.objects("prefillWeights"))
    options.prefill.weights.push_back({static_cast<ggml_type>(choice.integer("type", 0, GGML_TYPE_COUNT - 1)),
                                       choice.whole("columns", 1, MAX_WEIGHT_COLUMNS), choice.text("kernel")});
  options.prefill.attention = arguments.flag("prefillAttention");
  options.prefill.threads = options.solo_threads;
  options.share_prefixes = arguments.flag("sharePrefixes");
  options.pinned_bytes = static_cast<size_t>(arguments.integer("pinnedMebibytes", 0, MAX_PINNED_MEBIBYTES)) << 20;
  const Arguments head = arguments.object("head");
  options.head.weight = head.floats("weight");
  options.head.bias = head.optional_float("bias", 0);
  options.head.hidden_weight = head.optional_floats("hiddenWeight");
  options.head.hidden_bias = head.optional_floats("hiddenBias");
  options.padding_token = arguments.integer("paddingToken", -1, MAX_VOCABULARY);
  options.padding_position = arguments.integer("paddingPosition", -1, MAX_CONTEXT_TOKENS);
  if (options.padding_token >= 0 && options.padding_position < 0)
    throw_range_error(value.Env(), "Expected options.paddingPosition of at least 0 beside a padding token.");
  if (options.head.weight.empty())
    throw_range_error(value.Env(), "Expected at least one number in options.head.weight.");
  if (options.head.width() == 0)
    throw_range_error(value.Env(),
                      "Expected as many rows in options.head.hiddenWeight as options.head.weight is long.");
  options.file =
      stream_of(arguments.optional_integer("descriptor", 0, std::numeric_limits<int32_t>::max(), -1), value.Env());
  return options;
}

/** `cancelled` belongs to the JS thread, where all of these events arrive. */
ModelEvents model_events(const std::shared_ptr<Mailbox>& mailbox, JobId job, WorkerId id,
                         const std::shared_ptr<bool>& cancelled) {
  const auto completion = std::make_shared<Completion>(mailbox, job);
  const auto closed = std::make_shared<Mailbox::PreparedMessage>(
      Mailbox::prepare([id](napi_env env) { Environment::of(env)->worker_closed(env, id); }));
  ModelEvents events;
  events.on_load_progress = [mailbox, job](float fraction) {
    mailbox->post(
        [job, fraction](napi_env env) { Environment::of(env)->jobs.report(env, job, static_cast<double>(fraction)); });
  };
  events.on_loaded = [completion, id, cancelled](const ModelInfo& info) {
    completion->resolve([id, info, cancelled](napi_env env) -> napi_value {
      if (*cancelled) throw Failure::aborted();
      const std::shared_ptr<ModelWorker> worker = Environment::of(env)->workers.at(id);
      try {
        return NativeModel::create(env, {id, worker, info});
      } catch (...) {
        worker->request_stop();
        throw;
      }
    });
  };
  events.on_load_failed = [completion](const Failure& failure) { completion->reject(failure); };
  events.on_closed = [mailbox, closed] { mailbox->post(std::move(*closed)); };
  return events;
}

/** loadModel(options: LoadOptions, onProgress?: (fraction: number) => void): CancellableJob<NativeModel> */
Napi::Value load_model(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  ModelOptions options = read_options(call[0]);
  expect_callback(call[1], "onProgress");
  Environment* environment = Environment::of(env);
  NewJobs created(env, environment->jobs);
  Napi::Promise promise;
  const JobId job = created.add(call[1], env.Undefined(), &promise);
  const WorkerId id = environment->next_worker_id++;
  const auto cancelled = std::make_shared<bool>(false);
  auto worker =
      std::make_shared<ModelWorker>(std::move(options), model_events(environment->mailbox, job, id, cancelled));
  // A weak pointer: JS may keep the cancel function long after the model is gone.
  const Napi::Object result =
      cancellable_job(env, promise, [weak = std::weak_ptr<ModelWorker>(worker), env, job, cancelled] {
        const auto target = weak.lock();
        if (target == nullptr || !Environment::of(env)->jobs.pending(job)) return;
        *cancelled = true;
        target->request_stop();
      });
  environment->workers.emplace(id, worker);
  try {
    worker->start();
  } catch (...) {
    environment->workers.erase(id);
    environment->jobs.reject(env, job, Failure::current("No thread could be started"));
  }
  created.commit();
  return result;
}

}  // namespace

void init_models(Napi::Env env, Napi::Object exports) {
  Environment::of(env)->model_class = Napi::Persistent(NativeModel::define(env));
  exports.Set("loadModel", Napi::Function::New<&load_model>(env, "loadModel"));
}

}  // namespace starling
