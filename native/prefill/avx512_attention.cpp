#include "prefill/kernel_list.h"

namespace starling::prefill {

const AttentionKernel avx512_attention{"avx512", [](const AttentionProblem&) { return false; }, nullptr, nullptr,
                                       nullptr};

}  // namespace starling::prefill
