#pragma once

#include "llama/cpu_backend.h"
#include "llama/kernel_check.h"

namespace starling {

/**
 * Checks the products of queries with keys, and of the attention's weights with values, laid out as llama.cpp does
 * without flash attention: right, the same over memory with different contents, and the same for a token whatever other
 * tokens and cells there are.
 */
KernelFinding check_attention(const CpuBackend& cpu, const AttentionSample& sample, int32_t threads);

}  // namespace starling
