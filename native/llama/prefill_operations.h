#pragma once

#include <string>

#include "llama/llama_functions.h"
#include "prefill/attention.h"
#include "prefill/gemm.h"
#include "support/shared_library.h"

namespace ggml::cpu {
class tensor_traits;
}

/** Operations of ggml's graphs, computed by our kernels on ggml's threads. */
namespace starling::prefill_operations {

constexpr size_t ALIGNMENT = 64;

/** Finds what the operations need of the CPU library. @returns whether it is all there */
bool find_functions(const SharedLibrary& library);

/** Whether kernels know such weights. */
bool is_known(ggml_type type);

prefill::WeightShape shape_of(const ggml_tensor* weights);

bool takes_weights(const prefill::GemmKernel& kernel, const ggml_tensor* weights);

/** Whether a product is of whole rows of float32, one after the other. */
bool takes_product(const ggml_tensor* product);

/** What ggml calls to compute a product with a kernel; never freed. */
ggml::cpu::tensor_traits* product_traits(const prefill::GemmKernel& kernel);

/** What ggml calls to compute attention; what our kernels do not take is left to ggml's. */
ggml::cpu::tensor_traits* attention_traits();

/** The kernel for a problem; nullptr for none. */
const prefill::AttentionKernel* attention_kernel(const prefill::AttentionProblem& problem);

}  // namespace starling::prefill_operations
