#include "llama/cpu_backend.h"

#include "support/failure.h"

namespace starling {

namespace {

/** As llama.cpp asks: with a product of 512 rows. */
constexpr int64_t ROWS_ASKED_FOR = 512;

}  // namespace

Owned<ggml_context> tensor_context(const LlamaFunctions& functions, size_t tensors, bool graph) {
  const size_t graph_size = graph ? functions.ggml_graph_overhead() : 0;
  const ggml_init_params sizes{functions.ggml_tensor_overhead() * tensors + graph_size, nullptr, true};
  Owned<ggml_context> context(functions.ggml_init(sizes), functions.ggml_free);
  if (context == nullptr) throw Failure("Not enough memory.");
  return context;
}

CpuBackend::CpuBackend(const LlamaFunctions& functions)
    : functions_(functions), device_(functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU)) {
  if (device_ == nullptr) throw Failure("The llama.cpp runtime has no CPU backend.");
  backend_ = OwnedBackend(functions.ggml_backend_dev_init(device_, nullptr), functions.ggml_backend_free);
  if (backend_ == nullptr) throw Failure("The CPU backend could not be initialised.");
  ggml_backend_reg_t registry = functions.ggml_backend_dev_backend_reg(device_);
  set_threads_ = reinterpret_cast<ggml_backend_set_n_threads_t>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_set_n_threads"));
  const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_dev_get_extra_bufts"));
  if (extra == nullptr) return;
  for (ggml_backend_buffer_type_t* type = extra(device_); type != nullptr && *type != nullptr; ++type)
    extra_.push_back(*type);
}

ggml_backend_buffer_type_t CpuBackend::buffer_for(ggml_type type, int64_t columns, int64_t rows) const {
  for (ggml_backend_buffer_type_t buffer_type : extra_)
    if (multiplies(type, columns, rows, buffer_type)) return buffer_type;
  return plain();
}

bool CpuBackend::multiplies(ggml_type type, int64_t columns, int64_t rows,
                            ggml_backend_buffer_type_t buffer_type) const {
  const Owned<ggml_context> context = tensor_context(functions_, 3);
  const OwnedBuffer none(functions_.ggml_backend_buft_alloc_buffer(buffer_type, 0),
                         functions_.ggml_backend_buffer_free);
  ggml_tensor* weights = functions_.ggml_new_tensor_2d(context.get(), type, columns, rows);
  ggml_tensor* input = functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, columns, ROWS_ASKED_FOR);
  weights->buffer = none.get();
  return functions_.ggml_backend_dev_supports_op(device_, functions_.ggml_mul_mat(context.get(), weights, input));
}

void CpuBackend::compute(ggml_context* context, ggml_tensor* result) const {
  ggml_cgraph* graph = functions_.ggml_new_graph(context);
  functions_.ggml_build_forward_expand(graph, result);
  if (functions_.ggml_backend_graph_compute(backend_.get(), graph) != GGML_STATUS_SUCCESS)
    throw Failure("The CPU backend failed to multiply two matrices.");
}

}  // namespace starling
