#pragma once

#include <cstddef>

namespace starling {

/**
 * product[i] = gelu(gate[i]) * up[i], with the approximation by tanh that Gemma has, in float32. llama.cpp's CPU
 * backend looks gelu up in a table of float16, whose errors at float32 weights are larger than all others.
 */
void gated_gelu(const float* gate, const float* up, float* product, size_t count);

}  // namespace starling
