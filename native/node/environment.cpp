#include "node/environment.h"

namespace starling {

Environment& Environment::install(Napi::Env env) {
  // Hooks run in reverse order: ours is added after the thread-safe function's own, so it runs before that one, and all
  // threads have ended when the thread-safe function is destroyed.
  Failure::prepare();
  auto mailbox = Mailbox::open(env);
  auto environment = std::make_unique<Environment>(std::move(mailbox));
  environment->env_ = env;
  Environment* raw = environment.release();
  env.SetInstanceData<Environment>(raw);
  if (napi_add_env_cleanup_hook(env, &clean_up, raw) != napi_ok)
    throw Napi::Error::New(env, "Could not add a clean-up hook.");
  return *raw;
}

Environment* Environment::of(napi_env env) {
  void* data = nullptr;
  return napi_get_instance_data(env, &data) == napi_ok ? static_cast<Environment*>(data) : nullptr;
}

void Environment::worker_closed(napi_env env, WorkerId id) {
  const auto worker = workers.find(id);
  if (worker != workers.end()) {
    worker->second->join();
    workers.erase(worker);
  }
  const auto close_job = close_jobs.find(id);
  if (close_job == close_jobs.end()) return;
  const JobId job = close_job->second;
  close_jobs.erase(close_job);
  jobs.resolve(env, job, [](napi_env inner) {
    napi_value undefined = nullptr;
    napi_get_undefined(inner, &undefined);
    return undefined;
  });
}

void Environment::clean_up(void* data) {
  auto* environment = static_cast<Environment*>(data);
  environment->mailbox->close();
  // Ask all before waiting for the first: they stop at the same time.
  for (const auto& [id, worker] : environment->workers) worker->request_stop();
  for (const auto& [id, worker] : environment->workers) worker->join();
  environment->workers.clear();
  environment->jobs.drop(environment->env_);
  environment->model_class.Reset();
}

}  // namespace starling
