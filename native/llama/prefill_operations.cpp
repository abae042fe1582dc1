#include "llama/prefill_operations.h"

#if defined(STARLING_X86_KERNELS)

#include <ggml-cpu/ggml-cpu-impl.h>
#include <ggml-cpu/traits.h>

#include <algorithm>
#include <cstring>

#include "prefill/kernels.h"

/** Its body is in the CPU library, which this addon is not linked with. */
namespace ggml::cpu {
tensor_traits::~tensor_traits() = default;
}  // namespace ggml::cpu

namespace starling {

namespace {

using prefill::AttentionKernel;
using prefill::AttentionProblem;
using prefill::GemmKernel;
using prefill::WeightShape;
using prefill::WeightType;

constexpr size_t ALIGNMENT = prefill_operations::ALIGNMENT;
/**
 * Parts of a product that threads take one after the other: a thread that is slower, or that the system interrupts,
 * gets fewer. At the end one waits for another's last part. Parts of a single panel take no longer in total.
 */
constexpr int64_t PARTS_PER_THREAD = 32;

/** Functions that only the CPU library has. */
struct CpuFunctions {
  decltype(&::ggml_barrier) barrier = nullptr;
  decltype(&::ggml_threadpool_chunk_set) set_chunk = nullptr;
  decltype(&::ggml_threadpool_chunk_add) add_chunk = nullptr;
};
CpuFunctions cpu;

uint8_t* aligned(void* memory) {
  return reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(memory) + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
}

/** Computes the products of one kernel, on all of ggml's threads. */
class ProductTraits : public ggml::cpu::tensor_traits {
 public:
  explicit ProductTraits(const GemmKernel& kernel) : kernel_(kernel) {}

  bool work_size(int, const ggml_tensor* product, size_t& size) override {
    size = kernel_.activation_bytes(type_of(product), tokens_of(product), product->src[0]->ne[0]) + ALIGNMENT;
    return true;
  }

  bool compute_forward(ggml_compute_params* params, ggml_tensor* product) override {
    const ggml_tensor* input = product->src[1];
    const WeightShape shape = prefill_operations::shape_of(product->src[0]);
    const int64_t tokens = tokens_of(product);
    const prefill::Activations activations{static_cast<const float*>(input->data), input->nb[1] / sizeof(float), tokens,
                                           shape.columns};
    uint8_t* packed = aligned(params->wdata);
    const int64_t blocks = (tokens + kernel_.token_block - 1) / kernel_.token_block;
    kernel_.pack_activations(shape.type, activations, packed, blocks * params->ith / params->nth,
                             blocks * (params->ith + 1) / params->nth);

    const int64_t panels = (shape.rows + kernel_.panel_rows - 1) / kernel_.panel_rows;
    const int64_t parts = params->nth == 1 ? 1 : std::min<int64_t>(panels, PARTS_PER_THREAD * params->nth);
    if (params->ith == 0) cpu.set_chunk(params->threadpool, params->nth);
    cpu.barrier(params->threadpool);
    const prefill::Products products{static_cast<float*>(product->data), product->nb[1] / sizeof(float)};
    for (int64_t part = params->ith; part < parts; part = cpu.add_chunk(params->threadpool, 1))
      kernel_.multiply(shape, static_cast<const uint8_t*>(product->src[0]->data), packed, tokens, products,
                       panels * part / parts, panels * (part + 1) / parts);
    return true;
  }

 private:
  static WeightType type_of(const ggml_tensor* product) { return static_cast<WeightType>(product->src[0]->type); }
  static int64_t tokens_of(const ggml_tensor* product) {
    const ggml_tensor* input = product->src[1];
    return input->ne[1] * input->ne[2] * input->ne[3];
  }

  const GemmKernel& kernel_;
};

/** The keys or values as they are in the cache: llama.cpp casts those in float32 to float16 for flash attention. */
const ggml_tensor* uncast(const ggml_tensor* tensor) {
  if (tensor->op != GGML_OP_CPY || tensor->src[0] == nullptr || tensor->src[0]->type != GGML_TYPE_F32) return tensor;
  const ggml_tensor* source = tensor->src[0];
  const ggml_tensor* root = source->view_src == nullptr ? source : source->view_src;
  // A result that nothing else needs may be overwritten before the attention; the cache is not one.
  const bool stays = root->op == GGML_OP_NONE;
  const bool is_same = std::equal(source->ne, source->ne + GGML_MAX_DIMS, tensor->ne);
  return stays && is_same ? source : tensor;
}

bool problem_of(const ggml_tensor* result, AttentionProblem& problem) {
  const ggml_tensor* queries = result->src[0];
  const ggml_tensor* keys = uncast(result->src[1]);
  const ggml_tensor* values = uncast(result->src[2]);
  const ggml_tensor* mask = result->src[3];
  float settings[3];
  std::memcpy(settings, result->op_params, sizeof settings);
  const auto [scale, largest_bias, soft_cap] = settings;
  const bool is_usual = largest_bias == 0 && soft_cap == 0 && result->src[4] == nullptr && mask != nullptr;
  if (!is_usual || queries->ne[3] != 1 || keys->ne[3] != 1 || values->ne[3] != 1) return false;
  const bool half = keys->type == GGML_TYPE_F16;
  if (queries->type != GGML_TYPE_F32 || result->type != GGML_TYPE_F32 || mask->type != GGML_TYPE_F16) return false;
  if ((!half && keys->type != GGML_TYPE_F32) || values->type != keys->type) return false;
  const size_t element = half ? sizeof(ggml_fp16_t) : sizeof(float);
  const bool is_contiguous = queries->nb[0] == sizeof(float) && keys->nb[0] == element && values->nb[0] == element &&
                             mask->nb[0] == sizeof(ggml_fp16_t);
  const bool fits = keys->ne[0] == queries->ne[0] && values->ne[0] == queries->ne[0] && values->ne[1] == keys->ne[1] &&
                    values->ne[2] == keys->ne[2] && queries->ne[2] % keys->ne[2] == 0 && mask->ne[0] >= keys->ne[1] &&
                    mask->ne[1] >= queries->ne[1] && mask->ne[2] == 1 && mask->ne[3] == 1;
  if (!is_contiguous || !fits) return false;
  const auto bytes = [](const ggml_tensor* tensor) { return static_cast<const uint8_t*>(tensor->data); };
  problem = {queries->ne[0],
             queries->ne[2],
             keys->ne[2],
             queries->ne[1],
             keys->ne[1],
             scale,
             bytes(queries),
             queries->nb[1],
             queries->nb[2],
             half,
             bytes(keys),
             keys->nb[1],
             keys->nb[2],
             bytes(values),
             values->nb[1],
             values->nb[2],
             bytes(mask),
             mask->nb[1],
             static_cast<float*>(result->data)};
  return true;
}

/** Computes attention, on all of ggml's threads; what our kernel does not take is left to ggml's. */
class AttentionTraits : public ggml::cpu::tensor_traits {
 public:
  bool work_size(int threads, const ggml_tensor* result, size_t& size) override {
    AttentionProblem problem;
    const AttentionKernel* kernel =
        problem_of(result, problem) ? prefill_operations::attention_kernel(problem) : nullptr;
    if (kernel == nullptr) return false;
    size = static_cast<size_t>(threads) * scratch_bytes(*kernel, problem) + ALIGNMENT;
    return true;
  }

  bool compute_forward(ggml_compute_params* params, ggml_tensor* result) override {
    AttentionProblem problem;
    const AttentionKernel* kernel =
        problem_of(result, problem) ? prefill_operations::attention_kernel(problem) : nullptr;
    if (kernel == nullptr) return false;
    uint8_t* scratch = aligned(params->wdata) + static_cast<size_t>(params->ith) * scratch_bytes(*kernel, problem);
    const int64_t tasks = kernel->tasks(problem);
    if (params->ith == 0) cpu.set_chunk(params->threadpool, params->nth);
    cpu.barrier(params->threadpool);
    for (int64_t task = params->ith; task < tasks; task = cpu.add_chunk(params->threadpool, 1))
      kernel->compute(problem, scratch, task, task + 1);
    return true;
  }

  static size_t scratch_bytes(const AttentionKernel& kernel, const AttentionProblem& problem) {
    return (kernel.scratch_bytes(problem) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
};

}  // namespace

namespace prefill_operations {

bool find_functions(const SharedLibrary& library) {
  cpu.barrier = reinterpret_cast<decltype(cpu.barrier)>(library.find("ggml_barrier"));
  cpu.set_chunk = reinterpret_cast<decltype(cpu.set_chunk)>(library.find("ggml_threadpool_chunk_set"));
  cpu.add_chunk = reinterpret_cast<decltype(cpu.add_chunk)>(library.find("ggml_threadpool_chunk_add"));
  return cpu.barrier != nullptr && cpu.set_chunk != nullptr && cpu.add_chunk != nullptr;
}

bool is_known(ggml_type type) {
  switch (type) {
    case GGML_TYPE_F16:
    case GGML_TYPE_BF16:
    case GGML_TYPE_Q4_0:
    case GGML_TYPE_Q8_0:
    case GGML_TYPE_Q4_K:
    case GGML_TYPE_Q5_K:
    case GGML_TYPE_Q6_K:
      return true;
    default:
      return false;
  }
}

WeightShape shape_of(const ggml_tensor* weights) {
  return {static_cast<WeightType>(weights->type), weights->ne[0], weights->ne[1]};
}

bool takes_weights(const GemmKernel& kernel, const ggml_tensor* weights) {
  return is_known(weights->type) && weights->ne[2] == 1 && weights->ne[3] == 1 && kernel.takes(shape_of(weights));
}

bool takes_product(const ggml_tensor* product) {
  const ggml_tensor* input = product->src[1];
  const auto is_plain = [](const ggml_tensor* tensor) {
    const auto row = static_cast<size_t>(tensor->ne[0]) * sizeof(float);
    return tensor->type == GGML_TYPE_F32 && tensor->nb[0] == sizeof(float) && tensor->nb[1] >= row &&
           tensor->nb[2] == tensor->nb[1] * static_cast<size_t>(tensor->ne[1]) &&
           tensor->nb[3] == tensor->nb[2] * static_cast<size_t>(tensor->ne[2]);
  };
  return is_plain(input) && is_plain(product);
}

ggml::cpu::tensor_traits* product_traits(const GemmKernel& kernel) { return new ProductTraits(kernel); }

ggml::cpu::tensor_traits* attention_traits() {
  static auto* traits = new AttentionTraits;
  return traits;
}

const AttentionKernel* attention_kernel(const AttentionProblem& problem) {
  for (const AttentionKernel* kernel : prefill::attention_kernels())
    if (kernel->takes(problem)) return kernel;
  return nullptr;
}

}  // namespace prefill_operations

}  // namespace starling

#endif
