#pragma once

#include <atomic>

namespace starling {

/** Why the thread that owns a model should stop what it does: the model is closed, or the present job is cancelled. */
class StopSignal {
 public:
  void close() { closing_ = true; }
  bool closing() const { return closing_; }

  /** Set by the owning thread alone, around one job; nullptr between jobs. */
  void watch(const std::atomic<bool>* job) { job_ = job; }

  bool requested() const {
    if (closing_) return true;
    const std::atomic<bool>* job = job_;
    return job != nullptr && *job;
  }

 private:
  std::atomic<bool> closing_{false};
  std::atomic<const std::atomic<bool>*> job_{nullptr};
};

}  // namespace starling
