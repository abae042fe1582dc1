#pragma once

#include <atomic>

namespace starling {

/** Why a thread should stop what it does: the model is closed, or what it evaluates is not wanted any more. */
class StopSignal {
 public:
  void close() { closing_ = true; }
  bool closing() const { return closing_; }

  /** For one piece of work; the thread that does it clears it before the next one. */
  void interrupt() { interrupted_ = true; }
  void clear() { interrupted_ = false; }

  bool requested() const { return closing_ || interrupted_; }

 private:
  std::atomic<bool> closing_{false};
  std::atomic<bool> interrupted_{false};
};

}  // namespace starling
