#pragma once

#include <napi.h>

#include <map>
#include <memory>

#include "model/model_worker.h"
#include "node/jobs.h"
#include "node/mailbox.h"

namespace starling {

using WorkerId = uint64_t;

/** The addon's state for one Node-API environment (the main thread or a worker thread). JS thread only. */
class Environment {
 public:
  /** Creates the state, and a hook that closes all models and joins their threads when the environment ends. */
  static Environment& install(Napi::Env env);
  static Environment* of(napi_env env);

  std::shared_ptr<Mailbox> mailbox;
  Jobs jobs;
  Napi::FunctionReference model_class;

  /** Models that are loading, open or closing. */
  std::map<WorkerId, std::shared_ptr<ModelWorker>> workers;
  /** The jobs of close() promises. */
  std::map<WorkerId, JobId> close_jobs;
  WorkerId next_worker_id = 1;
  PrefixId next_prefix_id = 1;

  explicit Environment(std::shared_ptr<Mailbox> box) : mailbox(box), jobs(box) {}

  /** Called after a model's thread has freed everything: joins it and settles close(). */
  void worker_closed(napi_env env, WorkerId id);

 private:
  static void clean_up(void* data);
  napi_env env_ = nullptr;
};

}  // namespace starling
