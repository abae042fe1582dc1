#pragma once

#include "llama/cpu_backend.h"
#include "llama/kernel_check.h"

namespace starling {

/** As check_kernels() does for the library's kernels, for ours, and how much faster ours is. */
KernelFinding check_prefill_kernel(const CpuBackend& cpu, const KernelCheckOptions& options,
                                   const WeightSample& sample);

/** Flash attention by our kernel, with a cache of noise. */
KernelFinding check_prefill_attention(const CpuBackend& cpu, const AttentionSample& sample, int32_t threads);

}  // namespace starling
