#include "support/exit_guard.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#ifdef _WIN32
#include <windows.h>
#endif

namespace starling::exit_guard {

namespace {

/** An abort takes up to 0.1 s on a CPU and one micro-batch on a GPU; freeing a large model can take seconds. */
constexpr std::chrono::seconds MAX_WAIT{10};
/** Each installation takes one of the C library's slots for exit handlers. */
constexpr int MAX_INSTALLATIONS = 4;
#ifdef _WIN32
/** Windows ends all other threads before it runs a library's handlers: none is left to stop, or to wait for. */
constexpr bool THREADS_RUN_AT_EXIT = false;
#else
constexpr bool THREADS_RUN_AT_EXIT = true;
#endif

struct Registry {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<Stoppable*> stoppable;
  int uninterruptible = 0;
  int installations = 0;
  std::atomic<bool> ending{false};
};

/** Never destroyed: threads may use it until the process ends. */
Registry& registry() {
  static auto* instance = new Registry;
  return *instance;
}

thread_local bool is_uninterruptible = false;

void stop_everything() {
  Registry& all = registry();
  std::unique_lock<std::mutex> lock(all.mutex);
  all.ending = true;
  for (Stoppable* work : all.stoppable) work->request_stop();
  all.changed.wait_for(lock, MAX_WAIT, [&] { return all.stoppable.empty() && all.uninterruptible == 0; });
}

}  // namespace

void install() {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (!THREADS_RUN_AT_EXIT || all.installations >= MAX_INSTALLATIONS) return;
  ++all.installations;
  std::atexit(&stop_everything);
}

void add(Stoppable* work) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.stoppable.insert(work);
  if (all.ending) work->request_stop();
}

void remove(Stoppable* work) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.stoppable.erase(work);
  all.changed.notify_all();
}

UninterruptibleScope::UninterruptibleScope() {
  is_uninterruptible = true;
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  ++all.uninterruptible;
}

UninterruptibleScope::~UninterruptibleScope() {
  is_uninterruptible = false;
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  --all.uninterruptible;
  all.changed.notify_all();
}

void block_if_exiting() {
  Registry& all = registry();
  if (!is_uninterruptible || !all.ending) return;
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    --all.uninterruptible;
    all.changed.notify_all();
  }
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

void end_process(int exit_code) {
#ifdef _WIN32
  // Without the libraries' own exit handlers, which may wait for threads that have ended.
  TerminateProcess(GetCurrentProcess(), static_cast<UINT>(exit_code));
#endif
  std::_Exit(exit_code);
}

}  // namespace starling::exit_guard
