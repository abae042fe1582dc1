#pragma once

#include <napi.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace starling {

/**
 * The one way from other threads to the JS thread of an environment. Threads hold it by shared_ptr: a message for an
 * environment that has ended is dropped, so that no thread needs to know whether its environment still lives.
 */
class Mailbox {
 public:
  /** Runs on the JS thread, in a handle scope; what it throws is lost. */
  using Message = std::function<void(napi_env)>;
  /** One message, made beforehand, so that posting it takes no memory; or none. */
  using Prepared = std::list<Message>;

  static std::shared_ptr<Mailbox> open(Napi::Env env);

  /** Any thread. Messages are delivered in order. */
  void post(Message message) { post(prepare(std::move(message))); }
  void post(Prepared message) noexcept;
  static Prepared prepare(Message message);

  /** JS thread: while referenced more often than unreferenced, the environment's event loop stays alive. */
  void ref();
  void unref();

  /** JS thread, while the environment ends: drops what is and what will be posted. */
  void close();

 private:
  explicit Mailbox(napi_env env) : env_(env) {}
  static void deliver(napi_env env, napi_value, void* context, void*);

  const napi_env env_;
  int holders_ = 0;
  std::mutex mutex_;
  /** nullptr once closed. */
  napi_threadsafe_function wake_ = nullptr;
  bool woken_ = false;
  std::list<Message> messages_;
};

}  // namespace starling
