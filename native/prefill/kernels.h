#pragma once

#include <vector>

#include "prefill/attention.h"
#include "prefill/gemm.h"

namespace starling::prefill {

/**
 * All kernels of this build that this processor can run, the most capable first. None on other platforms than Linux on
 * x86-64.
 */
const std::vector<const GemmKernel*>& gemm_kernels();
/** Only for tests, never chosen: kernels of other processors, emulated. */
const std::vector<const GemmKernel*>& emulated_gemm_kernels();
const std::vector<const AttentionKernel*>& attention_kernels();

/** Whether STARLING_RM_KERNELS asks for these kernels whether they gain or not. */
bool kernels_are_forced();

}  // namespace starling::prefill
