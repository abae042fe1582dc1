#pragma once

#include <chrono>

namespace starling {

/** Work that must stop before the process destroys its static objects. */
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  /** Asks the work to stop. Does not wait. */
  virtual void request_stop() = 0;
};

/**
 * process.exit() skips the clean-up hooks of the main environment, while our threads are inside llama.cpp. An atexit
 * handler asks them to stop and waits for them, up to a time limit.
 */
namespace exit_guard {

/** Installs the handler so that it runs before all handlers installed so far. Cheap; may be called again. */
void install();

void add(Stoppable* work);
void remove(Stoppable* work);

/** Marks the calling thread as one that cannot be stopped. At exit it is parked at llama.cpp's next log line. */
class UninterruptibleScope {
 public:
  UninterruptibleScope();
  ~UninterruptibleScope();
  UninterruptibleScope(const UninterruptibleScope&) = delete;
  UninterruptibleScope& operator=(const UninterruptibleScope&) = delete;
};

/** Ends the process at once, whatever its threads are doing. */
[[noreturn]] void end_process(int exit_code);

/** Blocks forever on an uninterruptible thread once the process is exiting; otherwise does nothing. */
void block_if_exiting();

}  // namespace exit_guard
}  // namespace starling
