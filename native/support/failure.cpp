#include "support/failure.h"

#include <new>

namespace starling {

namespace {

struct PreparedFailures {
  Failure aborted{"The work was cancelled.", "ABORTED"};
  Failure closed{"The model was closed.", "CLOSED"};
  Failure out_of_memory{"Not enough memory."};
};

/** Never destroyed: threads may use it until the process ends. */
const PreparedFailures& prepared() {
  static const auto* instance = new PreparedFailures;
  return *instance;
}

}  // namespace

Failure Failure::aborted() { return prepared().aborted; }

Failure Failure::closed() { return prepared().closed; }

Failure Failure::out_of_memory() { return prepared().out_of_memory; }

void Failure::prepare() { prepared(); }

Failure Failure::current(const char* what) noexcept {
  try {
    try {
      throw;
    } catch (const Failure& failure) {
      return failure;
    } catch (const std::bad_alloc&) {
      return Failure(std::string(what) + ": not enough memory.");
    } catch (const std::exception& error) {
      return Failure(std::string(what) + ": " + error.what());
    } catch (...) {
      return Failure(std::string(what) + ": unknown exception.");
    }
  } catch (...) {
    return out_of_memory();
  }
}

}  // namespace starling
