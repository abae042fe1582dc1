#pragma once

#include <chrono>

namespace starling {

/** Work that must stop before the process may take its static objects apart. */
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  /** Asks the work to stop; does not wait. */
  virtual void request_stop() = 0;
};

/**
 * process.exit() ends the process without running the clean-up hooks of the main environment, while our threads are
 * inside llama.cpp. A handler of the C library asks them to stop and waits for them, for a bounded time.
 */
namespace exit_guard {

/** Puts the handler in front of all that were installed so far; cheap, and does no harm when called again. */
void install();

void add(Stoppable* work);
void remove(Stoppable* work);

/** Marks the calling thread as one that cannot be interrupted: it is parked at llama.cpp's next log line at exit. */
class Uninterruptible {
 public:
  Uninterruptible();
  ~Uninterruptible();
  Uninterruptible(const Uninterruptible&) = delete;
  Uninterruptible& operator=(const Uninterruptible&) = delete;
};

/** Never returns on an Uninterruptible thread once the process is ending; does nothing otherwise. */
void park_if_ending();

}  // namespace exit_guard
}  // namespace starling
