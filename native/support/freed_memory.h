#pragma once

namespace starling {

/**
 * Gives memory that was freed back to the system. glibc keeps it in one arena per thread: up to 40 MB stayed of models
 * of a few MB, in threads that are long gone. Elsewhere it does nothing.
 */
void return_freed_memory();

}  // namespace starling
