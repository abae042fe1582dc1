#pragma once

#include <atomic>

namespace starling {

/** Tells a thread to stop: the model is being closed, or its current work was cancelled. */
class StopSignal {
 public:
  void close() { closing_ = true; }
  bool closing() const { return closing_; }

  /** Stops only the current work; the thread calls clear() before the next. */
  void interrupt() { interrupted_ = true; }
  void clear() { interrupted_ = false; }

  bool requested() const { return closing_ || interrupted_; }

 private:
  std::atomic<bool> closing_{false};
  std::atomic<bool> interrupted_{false};
};

}  // namespace starling
