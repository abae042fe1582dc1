#pragma once

#include <napi.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/mailbox.h"
#include "support/failure.h"

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

  /** What `make_value` throws rejects the promise. */
  void resolve(napi_env env, JobId id, const std::function<napi_value(napi_env)>& make_value) noexcept;
  void reject(napi_env env, JobId id, const Failure& failure) noexcept;

  /** Leaves a job unsettled: nobody has its promise. */
  void forget(napi_env env, JobId id);

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

/** Jobs of a call that may still fail on its way: those that it did not commit are forgotten. JS thread. */
class NewJobs {
 public:
  NewJobs(Napi::Env env, Jobs& jobs) : env_(env), jobs_(jobs) {}
  ~NewJobs() {
    for (const JobId id : ids_) jobs_.forget(env_, id);
  }
  NewJobs(const NewJobs&) = delete;
  NewJobs& operator=(const NewJobs&) = delete;

  /** As Jobs::add(). */
  JobId add(Napi::Value on_progress, Napi::Value keep_alive, Napi::Promise* promise) {
    ids_.push_back(0);
    return ids_.back() = jobs_.add(env_, on_progress, keep_alive, promise);
  }
  /** Something settles them from now on. */
  void commit() { ids_.clear(); }

 private:
  const Napi::Env env_;
  Jobs& jobs_;
  std::vector<JobId> ids_;
};

/** How a job ends. Any thread may say so, once; it takes no memory, so that a thread without any can still do it. */
class Completion {
 public:
  Completion(std::shared_ptr<Mailbox> mailbox, JobId id);
  void resolve(std::function<napi_value(napi_env)> make_value) noexcept;
  void reject(const Failure& failure) noexcept;

 private:
  struct Result {
    std::function<napi_value(napi_env)> make_value;
    std::optional<Failure> failure;
  };
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Result> result_;
  Mailbox::Prepared message_;
};

/** `{ promise, cancel }`, the CancellableJob of src/native/addon.ts. */
Napi::Object cancellable_job(Napi::Env env, Napi::Promise promise, std::function<void()> cancel);

/** An Error with the failure's message, and its code if it has one; nullptr when the environment cannot make one. */
napi_value make_error(napi_env env, const Failure& failure);

}  // namespace starling
