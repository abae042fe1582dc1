#pragma once

#include <chrono>

namespace starling {

/** Limits progress reports to one per interval, so they do not flood the JS thread. */
class Throttle {
 public:
  bool due() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return false;
    next_ = now + INTERVAL;
    return true;
  }

 private:
  static constexpr std::chrono::milliseconds INTERVAL{50};
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace starling
