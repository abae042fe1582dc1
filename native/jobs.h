#pragma once

#include <napi.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "failure.h"
#include "mailbox.h"

namespace starling {

using JobId = uint64_t;

/**
 * The promises of one environment that are not settled yet, with what must live as long: the progress callback and the
 * object that the job belongs to. JS thread only. Uses Node-API's C interface where it settles: in an environment that
 * is being terminated every call may fail, and then nothing is left to do but go on.
 */
class Jobs {
 public:
  explicit Jobs(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  /**
   * @param on_progress a function, or undefined
   * @param keep_alive an object that must not be collected before the job is settled, or undefined
   */
  JobId add(Napi::Env env, Napi::Value on_progress, Napi::Value keep_alive, Napi::Promise* promise);

  void resolve(napi_env env, JobId id, const std::function<napi_value(napi_env)>& make_value);
  void reject(napi_env env, JobId id, const Failure& failure);

  /** Calls on_progress(first[, second]); what it throws is an uncaught exception, as in any event handler. */
  void report(napi_env env, JobId id, double first, const double* second = nullptr);

  bool pending(JobId id) const { return jobs_.count(id) != 0; }

  /** While the environment ends: forgets all jobs. */
  void drop(napi_env env);

 private:
  struct Job {
    napi_deferred deferred;
    napi_ref on_progress;
    napi_ref keep_alive;
  };
  void remove(napi_env env, std::map<JobId, Job>::iterator job);

  std::shared_ptr<Mailbox> mailbox_;
  std::map<JobId, Job> jobs_;
  JobId next_id_ = 1;
};

/** `{ promise, cancel }`, the CancellableJob of src/native/addon.ts. */
Napi::Object cancellable_job(Napi::Env env, Napi::Promise promise, std::function<void()> cancel);

/** An Error with the failure's message, and its code if it has one; nullptr when the environment cannot make one. */
napi_value make_error(napi_env env, const Failure& failure);

}  // namespace starling
