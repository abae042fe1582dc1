#pragma once

#include <string>
#include <vector>

namespace starling {

struct DeviceCheck {
  std::string name;
  /** Why the device cannot be used; empty when its results were right. */
  std::string problem;
};

/**
 * Multiplies two small matrices on every GPU of the open runtime and checks the product. A broken driver may hang or
 * end the process, so this runs in a child process.
 *
 * @throws Failure while no runtime is open
 */
std::vector<DeviceCheck> check_devices();

}  // namespace starling
