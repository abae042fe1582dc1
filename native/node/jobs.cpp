#include "node/jobs.h"

#include "node/environment.h"

namespace starling {

JobId Jobs::add(Napi::Env env, Napi::Value on_progress, Napi::Value keep_alive, Napi::Promise* promise) {
  const JobId id = next_id_++;
  const auto place = jobs_.emplace(id, Job{nullptr, nullptr, nullptr}).first;
  Job& job = place->second;
  napi_value value = nullptr;
  if (napi_create_promise(env, &job.deferred, &value) != napi_ok) {
    jobs_.erase(place);
    throw Napi::Error::New(env, "Could not create a promise.");
  }
  if (on_progress.IsFunction()) napi_create_reference(env, on_progress, 1, &job.on_progress);
  if (keep_alive.IsObject()) napi_create_reference(env, keep_alive, 1, &job.keep_alive);
  mailbox_->ref();
  *promise = Napi::Promise(env, value);
  return id;
}

void Jobs::resolve(napi_env env, JobId id, const std::function<napi_value(napi_env)>& make_value) noexcept {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  napi_value value = nullptr;
  try {
    value = make_value(env);
  } catch (...) {
    reject(env, id, Failure::current("The result could not be created"));
    return;
  }
  if (value != nullptr) napi_resolve_deferred(env, job->second.deferred, value);
  remove(env, job);
}

void Jobs::reject(napi_env env, JobId id, const Failure& failure) noexcept {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  if (napi_value error = make_error(env, failure)) napi_reject_deferred(env, job->second.deferred, error);
  remove(env, job);
}

void Jobs::forget(napi_env env, JobId id) {
  const auto job = jobs_.find(id);
  if (job != jobs_.end()) remove(env, job);
}

void Jobs::report(napi_env env, JobId id, double first, const double* second) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end() || job->second.on_progress == nullptr) return;
  napi_value callback = nullptr;
  napi_value receiver = nullptr;
  napi_value arguments[2] = {nullptr, nullptr};
  if (napi_get_reference_value(env, job->second.on_progress, &callback) != napi_ok || callback == nullptr) return;
  if (napi_get_undefined(env, &receiver) != napi_ok) return;
  if (napi_create_double(env, first, &arguments[0]) != napi_ok) return;
  if (second != nullptr && napi_create_double(env, *second, &arguments[1]) != napi_ok) return;
  if (napi_call_function(env, receiver, callback, second == nullptr ? 1 : 2, arguments, nullptr) !=
      napi_pending_exception)
    return;
  napi_value thrown = nullptr;
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

void Jobs::drop(napi_env env) {
  while (!jobs_.empty()) remove(env, jobs_.begin());
}

void Jobs::remove(napi_env env, std::map<JobId, Job>::iterator job) {
  if (job->second.on_progress != nullptr) napi_delete_reference(env, job->second.on_progress);
  if (job->second.keep_alive != nullptr) napi_delete_reference(env, job->second.keep_alive);
  jobs_.erase(job);
  mailbox_->unref();
}

Completion::Completion(std::shared_ptr<Mailbox> mailbox, JobId id)
    : mailbox_(std::move(mailbox)),
      result_(std::make_shared<Result>()),
      message_(Mailbox::prepare([id, result = result_](napi_env env) {
        Jobs& jobs = Environment::of(env)->jobs;
        if (result->failure) {
          jobs.reject(env, id, *result->failure);
        } else {
          jobs.resolve(env, id, result->make_value);
        }
      })) {}

void Completion::resolve(std::function<napi_value(napi_env)> make_value) noexcept {
  if (message_.empty()) return;
  result_->make_value = std::move(make_value);
  mailbox_->post(std::move(message_));
  message_.clear();
}

void Completion::reject(const Failure& failure) noexcept {
  if (message_.empty()) return;
  result_->failure = failure;
  mailbox_->post(std::move(message_));
  message_.clear();
}

Napi::Object cancellable_job(Napi::Env env, Napi::Promise promise, std::function<void()> cancel) {
  Napi::Object job = Napi::Object::New(env);
  job.Set("promise", promise);
  job.Set("cancel",
          Napi::Function::New(env, [cancel = std::move(cancel)](const Napi::CallbackInfo&) { cancel(); }, "cancel"));
  return job;
}

napi_value make_error(napi_env env, const Failure& failure) {
  napi_value message = nullptr;
  napi_value code = nullptr;
  napi_value error = nullptr;
  if (napi_create_string_utf8(env, failure.what(), NAPI_AUTO_LENGTH, &message) != napi_ok) return nullptr;
  if (napi_create_error(env, nullptr, message, &error) != napi_ok) return nullptr;
  if (failure.code().empty()) return error;
  if (napi_create_string_utf8(env, failure.code().c_str(), failure.code().size(), &code) != napi_ok) return nullptr;
  if (napi_set_named_property(env, error, "code", code) != napi_ok) return nullptr;
  return error;
}

}  // namespace starling
