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
 * The unsettled promises of one environment, with what must live as long: the progress callback and the object that the
 * job belongs to. JS thread only. Settles through Node-API's C functions: in an environment that is being terminated
 * every call may fail, and such failures are ignored.
 */
class Jobs {
 public:
  explicit Jobs(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  /**
   * @param on_progress a function or undefined
   * @param keep_alive an object that must not be garbage-collected before the job is settled, or undefined
   */
  JobId add(Napi::Env env, Napi::Value on_progress, Napi::Value keep_alive, Napi::Promise* promise);

  /** If `make_value` throws, the promise is rejected. */
  void resolve(napi_env env, JobId id, const std::function<napi_value(napi_env)>& make_value) noexcept;
  void reject(napi_env env, JobId id, const Failure& failure) noexcept;

  /** Drops a job without settling it, if nobody has its promise. */
  void forget(napi_env env, JobId id);

  /** Calls on_progress(first[, second]). If it throws, that is an uncaught exception, as in any event handler. */
  void report(napi_env env, JobId id, double first, const double* second = nullptr);

  bool pending(JobId id) const { return jobs_.count(id) != 0; }

  /** When the environment ends: drops all jobs. */
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

/** Drops the jobs of a call that throws before commit(). JS thread only. */
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
  /** From now on something else settles them. */
  void commit() { ids_.clear(); }

 private:
  const Napi::Env env_;
  Jobs& jobs_;
  std::vector<JobId> ids_;
};

/** Settles a job from any thread, once. Does not allocate, so it works when memory runs out. */
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
  Mailbox::PreparedMessage message_;
};

/** A CancellableJob of src/native/addon.ts: `{ promise, cancel }`. */
Napi::Object cancellable_job(Napi::Env env, Napi::Promise promise, std::function<void()> cancel);

/** An Error with the message and code of the failure; nullptr if the environment cannot create one. */
napi_value make_error(napi_env env, const Failure& failure);

}  // namespace starling
