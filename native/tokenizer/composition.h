#pragma once

#include <string>
#include <string_view>

namespace starling {

/** Unicode's normalization form C of valid UTF-8: letters and marks become the fewest characters. */
std::string composed(std::string_view text);

}  // namespace starling
