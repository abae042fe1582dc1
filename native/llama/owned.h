#pragma once

#include <functional>
#include <memory>
#include <type_traits>

#include "llama/llama_functions.h"

namespace starling {

/** A ggml object with the function that frees it, which is only known at run time. */
template <typename T>
using Owned = std::unique_ptr<T, std::function<void(T*)>>;
using OwnedBackend = Owned<std::remove_pointer_t<ggml_backend_t>>;
using OwnedBuffer = Owned<std::remove_pointer_t<ggml_backend_buffer_t>>;

}  // namespace starling
