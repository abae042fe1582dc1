#include "support/failure.h"

#include <new>

namespace starling {

namespace {

struct Known {
  Failure aborted{"The work was cancelled.", "ABORTED"};
  Failure closed{"The model was closed.", "CLOSED"};
  Failure out_of_memory{"There is not enough memory."};
};

/** Never destroyed: threads may use it until the last moment. */
const Known& known() {
  static const auto* instance = new Known;
  return *instance;
}

}  // namespace

Failure Failure::aborted() { return known().aborted; }

Failure Failure::closed() { return known().closed; }

Failure Failure::out_of_memory() { return known().out_of_memory; }

void Failure::prepare() { known(); }

Failure Failure::current(const char* what) noexcept {
  try {
    try {
      throw;
    } catch (const Failure& failure) {
      return failure;
    } catch (const std::bad_alloc&) {
      return Failure(std::string(what) + ": there is not enough memory.");
    } catch (const std::exception& error) {
      return Failure(std::string(what) + ": " + error.what());
    } catch (...) {
      return Failure(std::string(what) + ": an exception without a reason.");
    }
  } catch (...) {
    return out_of_memory();
  }
}

}  // namespace starling
