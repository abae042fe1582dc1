#include "node/background.h"

#include <thread>

#include "node/environment.h"
#include "support/exit_guard.h"
#include "support/shared_library.h"

namespace starling {

Napi::Promise run_in_background(Napi::Env env, BackgroundWork work) {
  Environment* environment = Environment::of(env);
  NewJobs created(env, environment->jobs);
  Napi::Promise promise;
  const JobId id = created.add(env.Undefined(), env.Undefined(), &promise);
  const auto completion = std::make_shared<Completion>(environment->mailbox, id);
  // The thread may outlive this environment, and the addon would be unloaded.
  SharedLibrary::pin_self();
  auto body = [completion, work = std::move(work)] {
    const exit_guard::UninterruptibleScope mark;
    try {
      completion->resolve(work());
    } catch (...) {
      completion->reject(Failure::current("The work failed"));
    }
  };
  try {
    std::thread(std::move(body)).detach();
  } catch (...) {
    completion->reject(Failure::current("No thread could be started"));
  }
  created.commit();
  return promise;
}

}  // namespace starling
