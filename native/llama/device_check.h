#pragma once

#include <string>
#include <vector>

namespace starling {

struct DeviceCheck {
  std::string name;
  /** Why the device cannot be used; empty when it computed what it should. */
  std::string problem;
};

/**
 * Multiplies two small matrices on every graphics processor of the open runtime and compares the product. A broken
 * driver may hang or end the process in here, which is why it is called in a process that nobody needs.
 *
 * @throws Failure while no runtime is open
 */
std::vector<DeviceCheck> check_devices();

}  // namespace starling
