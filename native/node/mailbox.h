#pragma once

#include <napi.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace starling {

/**
 * Runs functions on the JS thread of an environment, from any thread. Threads own it through shared_ptr: after the
 * environment has ended messages are dropped, so a thread does not need to know whether it still exists.
 */
class Mailbox {
 public:
  /** Runs on the JS thread in a handle scope. Exceptions are ignored. */
  using Message = std::function<void(napi_env)>;
  /** A message allocated beforehand: posting it does not allocate. May be empty. */
  using PreparedMessage = std::list<Message>;

  static std::shared_ptr<Mailbox> open(Napi::Env env);

  /** Thread-safe. Messages are delivered in order. */
  void post(Message message) { post(prepare(std::move(message))); }
  void post(PreparedMessage message) noexcept;
  static PreparedMessage prepare(Message message);

  /** JS thread. While ref() was called more often than unref(), the event loop stays alive. */
  void ref();
  void unref();

  /** JS thread, when the environment ends: drops all messages from now on. */
  void close();

 private:
  explicit Mailbox(napi_env env) : env_(env) {}
  static void deliver(napi_env env, napi_value, void* context, void*);

  const napi_env env_;
  int references_ = 0;
  std::mutex mutex_;
  /** nullptr once closed. */
  napi_threadsafe_function wake_ = nullptr;
  bool woken_ = false;
  std::list<Message> messages_;
};

}  // namespace starling
