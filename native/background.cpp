#include "background.h"

#include <system_error>
#include <thread>

#include "environment.h"
#include "exit_guard.h"
#include "shared_library.h"

namespace starling {

Napi::Promise run_in_background(Napi::Env env, BackgroundWork work) {
  Environment* environment = Environment::of(env);
  Napi::Promise promise;
  const JobId id = environment->jobs.add(env, env.Undefined(), env.Undefined(), &promise);
  const std::shared_ptr<Mailbox> mailbox = environment->mailbox;
  // The thread may outlive this environment, and with it the addon's last user.
  SharedLibrary::pin_self();
  auto body = [mailbox, id, work = std::move(work)] {
    const exit_guard::Uninterruptible mark;
    Failure failure("");
    try {
      mailbox->post([id, make_value = work()](napi_env inner) {
        Environment::of(inner)->jobs.resolve(inner, id, make_value);
      });
      return;
    } catch (const Failure& thrown) {
      failure = thrown;
    } catch (const std::exception& thrown) {
      failure = Failure(thrown.what());
    }
    mailbox->post([id, failure](napi_env inner) { Environment::of(inner)->jobs.reject(inner, id, failure); });
  };
  try {
    std::thread(std::move(body)).detach();
  } catch (const std::system_error& error) {
    environment->jobs.reject(env, id, Failure(std::string("No thread could be started: ") + error.what()));
  }
  return promise;
}

}  // namespace starling
