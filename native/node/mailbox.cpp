#include "node/mailbox.h"

namespace starling {

std::shared_ptr<Mailbox> Mailbox::open(Napi::Env env) {
  const std::shared_ptr<Mailbox> mailbox(new Mailbox(env));
  // The thread-safe function shares ownership until its finalizer has run.
  auto owner = std::make_unique<std::shared_ptr<Mailbox>>(mailbox);
  const napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, Napi::String::New(env, "starling-rm"), 0, 1, owner.get(),
      [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Mailbox>*>(data); }, mailbox.get(), &deliver,
      &mailbox->wake_);
  if (status != napi_ok) throw Napi::Error::New(env, "Could not create a thread-safe function.");
  owner.release();
  napi_unref_threadsafe_function(env, mailbox->wake_);
  return mailbox;
}

Mailbox::PreparedMessage Mailbox::prepare(Message message) {
  PreparedMessage prepared;
  prepared.push_back(std::move(message));
  return prepared;
}

void Mailbox::post(PreparedMessage message) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (wake_ == nullptr || message.empty()) return;
  messages_.splice(messages_.end(), message);
  if (woken_) return;
  // The queue is unbounded, so this does not block. If it fails, the next message tries again.
  woken_ = napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking) == napi_ok;
}

void Mailbox::ref() {
  if (references_++ == 0 && wake_ != nullptr) napi_ref_threadsafe_function(env_, wake_);
}

void Mailbox::unref() {
  if (--references_ == 0 && wake_ != nullptr) napi_unref_threadsafe_function(env_, wake_);
}

void Mailbox::close() {
  std::list<Message> dropped;
  const std::lock_guard<std::mutex> lock(mutex_);
  dropped.swap(messages_);
  wake_ = nullptr;
}

void Mailbox::deliver(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  auto* mailbox = static_cast<Mailbox*>(context);
  std::list<Message> messages;
  {
    const std::lock_guard<std::mutex> lock(mailbox->mutex_);
    mailbox->woken_ = false;
    messages.swap(mailbox->messages_);
  }
  for (const Message& message : messages) {
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    try {
      message(env);
    } catch (...) {
      // Nothing may be thrown into Node. Messages that settle a job handle exceptions themselves.
    }
    napi_close_handle_scope(env, scope);
  }
}

}  // namespace starling
