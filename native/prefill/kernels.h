#pragma once

#include <vector>

#include "prefill/attention.h"
#include "prefill/gemm.h"

namespace starling::prefill {

/**
 * All kernels of this build that this processor can run, the most capable first; the first that takes a shape is the
 * one to try. None on other processors than x86-64.
 */
const std::vector<const GemmKernel*>& gemm_kernels();
/** Kernels for tests alone, never to be chosen: those of other processors, emulated. */
const std::vector<const GemmKernel*>& emulated_gemm_kernels();
const std::vector<const AttentionKernel*>& attention_kernels();

}  // namespace starling::prefill
