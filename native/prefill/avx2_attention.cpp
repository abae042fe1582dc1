#include "prefill/kernel_list.h"

namespace starling::prefill {

const AttentionKernel avx2_attention{"avx2", [](const AttentionProblem&) { return false; }, nullptr, nullptr, nullptr};

}  // namespace starling::prefill
