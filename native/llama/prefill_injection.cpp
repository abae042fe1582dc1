#include "llama/prefill_injection.h"

#include "support/failure.h"

#if defined(STARLING_X86_KERNELS)

#include <ggml-backend-impl.h>
#include <ggml-cpu/traits.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "llama/prefill_operations.h"
#include "prefill/kernels.h"
#include "support/shared_library.h"

/** Its body is in the CPU library, which this addon is not linked with. */
namespace ggml::cpu {
extra_buffer_type::~extra_buffer_type() = default;
}  // namespace ggml::cpu

namespace starling {

namespace {

using prefill::GemmKernel;
using prefill::WeightShape;
using prefill_operations::shape_of;
using prefill_operations::takes_weights;

/** Fractions of a millisecond each. */
constexpr int64_t PANELS_BETWEEN_STOPS = 8;

/** What the thread that asks allows. */
thread_local const PrefillAllowance* allowed = nullptr;

ggml_backend_buffer_type_t plain_memory = nullptr;

/** A buffer type for the weights of one kernel; without a kernel, for attention, which has none. */
class KernelBuffers : public ggml::cpu::extra_buffer_type {
 public:
  KernelBuffers(const GemmKernel* kernel, ggml_backend_dev_t device)
      : kernel_(kernel), name_(kernel == nullptr ? "starling attention" : std::string("starling ") + kernel->name) {
    type_.iface.get_name = [](ggml_backend_buffer_type_t type) { return self(type).name_.c_str(); };
    type_.iface.alloc_buffer = &allocate;
    type_.iface.get_alignment = [](ggml_backend_buffer_type_t) { return prefill_operations::ALIGNMENT; };
    type_.iface.get_alloc_size = [](ggml_backend_buffer_type_t type, const ggml_tensor* weights) {
      const GemmKernel* of = self(type).kernel_;
      const bool is_packed = of != nullptr && takes_weights(*of, weights);
      // What is not taken is never put here; its size is only asked for.
      return is_packed ? of->weight_bytes(shape_of(weights)) : ggml_nbytes_of(weights);
    };
    type_.device = device;
    type_.context = this;
    if (kernel != nullptr) traits_ = prefill_operations::product_traits(*kernel);
  }

  const GemmKernel* kernel() const { return kernel_; }
  ggml_backend_buffer_type_t type() { return &type_; }

  bool supports_op(ggml_backend_dev_t, const ggml_tensor* operation) override {
    if (kernel_ == nullptr || operation->op != GGML_OP_MUL_MAT) return false;
    const ggml_tensor* weights = operation->src[0];
    if (weights->buffer == nullptr || weights->buffer->buft != &type_) return false;
    if (!takes_weights(*kernel_, weights) || !prefill_operations::takes_product(operation)) return false;
    // Weights that are here are computed here. An empty buffer is a question: would they be welcome?
    return weights->buffer->size > 0 || is_allowed(*weights);
  }

  ggml::cpu::tensor_traits* get_tensor_traits(const ggml_tensor* operation) override {
    if (kernel_ == nullptr) return attention_traits(operation);
    if (operation->op != GGML_OP_MUL_MAT) return nullptr;
    const ggml_backend_buffer_t buffer = operation->src[0]->buffer;
    return buffer != nullptr && buffer->buft == &type_ ? traits_ : nullptr;
  }

 private:
  static KernelBuffers& self(ggml_backend_buffer_type_t type) {
    return *static_cast<KernelBuffers*>(static_cast<ggml::cpu::extra_buffer_type*>(type->context));
  }

  static size_t ggml_nbytes_of(const ggml_tensor* tensor) {
    return tensor->nb[3] * static_cast<size_t>(std::max<int64_t>(1, tensor->ne[3]));
  }

  /** Layers only: the output layer is never computed, and its packed copy would take memory for nothing. */
  bool is_allowed(const ggml_tensor& weights) const {
    if (allowed == nullptr || std::strncmp(weights.name, "blk.", 4) != 0) return false;
    return std::any_of(allowed->weights.begin(), allowed->weights.end(), [&](const PrefillChoice& choice) {
      return choice.type == weights.type && choice.columns == weights.ne[0] && choice.kernel == kernel_->name;
    });
  }

  static ggml::cpu::tensor_traits* attention_traits(const ggml_tensor* operation) {
    ggml::cpu::tensor_traits* traits = prefill_operations::attention_traits();
    if (operation->op != GGML_OP_FLASH_ATTN_EXT) return nullptr;
    // Before a graph is computed, ggml asks for its operations on the thread that computes the model.
    if (allowed != nullptr && allowed->attention) const_cast<ggml_tensor*>(operation)->extra = traits;
    return operation->extra == traits ? traits : nullptr;
  }

  static ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, size_t size) {
    ggml_backend_buffer_t buffer = plain_memory->iface.alloc_buffer(plain_memory, size);
    if (buffer == nullptr) return nullptr;
    buffer->buft = type;
    buffer->iface.set_tensor = &pack;
    // Nothing reads packed weights back.
    buffer->iface.get_tensor = nullptr;
    buffer->iface.cpy_tensor = nullptr;
    buffer->iface.memset_tensor = nullptr;
    return buffer;
  }

  static void pack(ggml_backend_buffer_t buffer, ggml_tensor* weights, const void* data, size_t, size_t) {
    // llama.cpp sets whole tensors, never parts.
    const GemmKernel& kernel = *self(buffer->buft).kernel_;
    const WeightShape shape = shape_of(weights);
    const int64_t panels = (shape.rows + kernel.panel_rows - 1) / kernel.panel_rows;
    const int64_t wanted = allowed == nullptr ? 1 : allowed->threads;
    const int64_t threads = std::max<int64_t>(1, std::min(wanted, panels / 4));
    const StopSignal* stop = allowed == nullptr ? nullptr : allowed->stop;
    const auto part = [&](int64_t index) {
      const int64_t last = panels * (index + 1) / threads;
      for (int64_t panel = panels * index / threads; panel < last; panel += PANELS_BETWEEN_STOPS) {
        if (stop != nullptr && stop->requested()) return;
        kernel.pack_weights(shape, static_cast<const uint8_t*>(data), static_cast<uint8_t*>(weights->data), panel,
                            std::min(last, panel + PANELS_BETWEEN_STOPS));
      }
    };
    std::vector<std::thread> helpers;
    int64_t started = 1;
    try {
      helpers.reserve(static_cast<size_t>(threads));
      for (; started < threads; ++started) helpers.emplace_back(part, started);
    } catch (const std::exception&) {
      // No thread can be started: this one does what is left.
    }
    part(0);
    for (; started < threads; ++started) part(started);
    for (std::thread& helper : helpers) helper.join();
  }

  const GemmKernel* kernel_;
  const std::string name_;
  ggml_backend_buffer_type type_{};
  ggml::cpu::tensor_traits* traits_ = nullptr;
};

/** Never destroyed: ggml's list points to them. */
std::vector<KernelBuffers*>& buffers() {
  static auto* list = new std::vector<KernelBuffers*>;
  return *list;
}

/** The list as the library's std::vector keeps it: both C++ libraries of Linux have these three pointers. */
struct BufferTypeList {
  ggml_backend_buffer_type_t* begin;
  ggml_backend_buffer_type_t* end;
  ggml_backend_buffer_type_t* capacity;
};

std::string find_list(const SharedLibrary& library, BufferTypeList*& list) {
  const auto get_list =
      reinterpret_cast<BufferTypeList* (*)()>(library.find("_Z39ggml_backend_cpu_get_extra_buffer_typesv"));
  if (get_list == nullptr || !prefill_operations::find_functions(library))
    return library.path() + " does not export what they need";
  list = get_list();
  const auto count = static_cast<size_t>(list->end - list->begin);
  const bool is_list = list->begin <= list->end && list->end <= list->capacity && count <= 16;
  return is_list ? "" : "its list of buffer types is unknown";
}

/** llama.cpp copies the list when it first needs it. */
bool llama_sees(const LlamaFunctions& functions, ggml_backend_dev_t device) {
  const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(functions.ggml_backend_reg_get_proc_address(
      functions.ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
  if (extra == nullptr) return false;
  const ggml_backend_buffer_type_t* types = extra(device);
  return types != nullptr && *types == buffers().front()->type();
}

std::string bind_now(const LlamaFunctions& functions) {
  if (prefill::gemm_kernels().empty()) return "this processor has none of the instructions that they use";
  ggml_backend_dev_t device = functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (device == nullptr) return "the runtime has no CPU backend";
  ggml_backend_reg_t registry = functions.ggml_backend_dev_backend_reg(device);
  void* inside = functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_set_n_threads");
  const std::string path = inside == nullptr ? "" : SharedLibrary::path_of(inside);
  if (path.empty()) return "the CPU library is unknown";
  const SharedLibrary library(path);
  BufferTypeList* list = nullptr;
  if (std::string problem = find_list(library, list); !problem.empty()) return problem;
  plain_memory = functions.ggml_backend_dev_buffer_type(device);

  for (const GemmKernel* kernel : prefill::gemm_kernels()) buffers().push_back(new KernelBuffers(kernel, device));
  if (!prefill::attention_kernels().empty()) buffers().push_back(new KernelBuffers(nullptr, device));
  const auto before = static_cast<size_t>(list->end - list->begin);
  const size_t count = buffers().size() + before;
  // The library's operator delete frees it at exit, by free() as every one on Linux. The old memory stays: others may
  // be reading it.
  auto* entries = static_cast<ggml_backend_buffer_type_t*>(
      ::operator new(count * sizeof(ggml_backend_buffer_type_t), std::nothrow));
  if (entries == nullptr) return "there is not enough memory";
  std::transform(buffers().begin(), buffers().end(), entries, [](KernelBuffers* own) { return own->type(); });
  std::copy(list->begin, list->end, entries + buffers().size());
  *list = {entries, entries + count, entries + count};
  return llama_sees(functions, device) ? "" : "llama.cpp had used its CPU library before";
}

std::mutex& gate() {
  static auto* mutex = new std::mutex;
  return *mutex;
}
bool tried = false;
std::string* problem_found = nullptr;

/** Whether bind() succeeded in this process. */
bool bound() {
  const std::lock_guard<std::mutex> lock(gate());
  return problem_found != nullptr && problem_found->empty();
}

}  // namespace

namespace prefill_injection {

std::string bind(const LlamaFunctions& functions) {
  const std::lock_guard<std::mutex> lock(gate());
  if (!tried) {
    tried = true;
    problem_found = new std::string(bind_now(functions));
  }
  return *problem_found;
}

ggml_backend_buffer_type_t buffer_type(const std::string& kernel) {
  if (!bound()) return nullptr;
  for (KernelBuffers* own : buffers())
    if (own->kernel() != nullptr && own->kernel()->name == kernel) return own->type();
  return nullptr;
}

std::vector<std::string> kernels_for(ggml_type type, int64_t columns, int64_t rows) {
  std::vector<std::string> names;
  if (!bound() || !prefill_operations::is_known(type)) return names;
  for (const GemmKernel* kernel : prefill::gemm_kernels())
    if (kernel->takes({static_cast<prefill::WeightType>(type), columns, rows})) names.push_back(kernel->name);
  return names;
}

std::string attention_kernel(int64_t head_length) {
  if (!bound()) return "";
  prefill::AttentionProblem problem{};
  problem.head_length = head_length;
  problem.heads = problem.key_value_heads = problem.tokens = 1;
  const prefill::AttentionKernel* kernel = prefill_operations::attention_kernel(problem);
  return kernel == nullptr ? "" : kernel->name;
}

}  // namespace prefill_injection

PrefillScope::PrefillScope(const PrefillAllowance& allowance) : outer_(allowed) { allowed = &allowance; }

PrefillScope::~PrefillScope() { allowed = outer_; }

}  // namespace starling

#else

namespace starling {

namespace prefill_injection {

std::string bind(const LlamaFunctions&) { return "they are for Linux on x86-64"; }
ggml_backend_buffer_type_t buffer_type(const std::string&) { return nullptr; }
std::vector<std::string> kernels_for(ggml_type, int64_t, int64_t) { return {}; }
std::string attention_kernel(int64_t) { return ""; }

}  // namespace prefill_injection

PrefillScope::PrefillScope(const PrefillAllowance&) : outer_(nullptr) {}
PrefillScope::~PrefillScope() = default;

}  // namespace starling

#endif
