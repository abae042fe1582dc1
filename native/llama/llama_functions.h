#pragma once

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <llama.h>

/**
 * Every function of llama.cpp that this addon calls, by the library that exports it. The types come from llama.cpp's
 * headers, so a changed signature is a compile error; the addresses come from the runtime folder (runtime.cpp).
 */
#define STARLING_LLAMA_FUNCTIONS(X)      \
  X(llama_version)                       \
  X(llama_backend_init)                  \
  X(llama_log_set)                       \
  X(llama_model_default_params)          \
  X(llama_context_default_params)        \
  X(llama_model_quantize_default_params) \
  X(llama_model_load_from_file)          \
  X(llama_model_load_from_file_ptr)      \
  X(llama_model_free)                    \
  X(llama_init_from_model)               \
  X(llama_free)                          \
  X(llama_attach_threadpool)             \
  X(llama_detach_threadpool)             \
  X(llama_set_n_threads)                 \
  X(llama_n_batch)                       \
  X(llama_get_memory)                    \
  X(llama_memory_clear)                  \
  X(llama_memory_seq_rm)                 \
  X(llama_memory_seq_cp)                 \
  X(llama_memory_seq_add)                \
  X(llama_state_seq_get_size)            \
  X(llama_state_seq_get_data)            \
  X(llama_state_seq_set_data)            \
  X(llama_decode)                        \
  X(llama_synchronize)                   \
  X(llama_model_get_vocab)               \
  X(llama_vocab_n_tokens)                \
  X(llama_model_desc)                    \
  X(llama_model_meta_val_str)            \
  X(llama_model_n_ctx_train)             \
  X(llama_model_n_embd)                  \
  X(llama_model_n_head_kv)               \
  X(llama_model_n_layer)                 \
  X(llama_model_n_params)                \
  X(llama_model_size)                    \
  X(llama_model_quantize)

#define STARLING_GGML_FUNCTIONS(X)   \
  X(ggml_backend_load)               \
  X(ggml_backend_load_all_from_path) \
  X(ggml_backend_unload)             \
  X(ggml_backend_dev_count)          \
  X(ggml_backend_dev_get)            \
  X(ggml_backend_dev_by_type)

#define STARLING_GGML_BASE_FUNCTIONS(X)       \
  X(ggml_log_set)                             \
  X(ggml_init)                                \
  X(ggml_free)                                \
  X(ggml_tensor_overhead)                     \
  X(ggml_graph_overhead)                      \
  X(ggml_new_graph)                           \
  X(ggml_new_tensor_2d)                       \
  X(ggml_view_3d)                             \
  X(ggml_mul_mat)                             \
  X(ggml_cast)                                \
  X(ggml_flash_attn_ext)                      \
  X(ggml_build_forward_expand)                \
  X(ggml_blck_size)                           \
  X(ggml_get_type_traits)                     \
  X(ggml_row_size)                            \
  X(ggml_bf16_to_fp32_row)                    \
  X(ggml_fp16_to_fp32_row)                    \
  X(ggml_quantize_chunk)                      \
  X(ggml_validate_row_data)                   \
  X(ggml_threadpool_params_init)              \
  X(ggml_backend_tensor_get)                  \
  X(ggml_backend_tensor_set)                  \
  X(ggml_backend_alloc_ctx_tensors)           \
  X(ggml_backend_alloc_ctx_tensors_from_buft) \
  X(ggml_backend_buft_alloc_buffer)           \
  X(ggml_backend_buft_name)                   \
  X(ggml_backend_buffer_free)                 \
  X(ggml_backend_free)                        \
  X(ggml_backend_graph_compute)               \
  X(ggml_backend_dev_init)                    \
  X(ggml_backend_dev_buffer_type)             \
  X(ggml_backend_dev_supports_op)             \
  X(ggml_backend_dev_backend_reg)             \
  X(ggml_backend_dev_description)             \
  X(ggml_backend_dev_memory)                  \
  X(ggml_backend_dev_name)                    \
  X(ggml_backend_dev_type)                    \
  X(ggml_backend_reg_get_proc_address)

namespace starling {

/** Pointers to these functions, bound when a runtime is opened. */
struct LlamaFunctions {
#define STARLING_DECLARE(name) decltype(&::name) name = nullptr;
  STARLING_LLAMA_FUNCTIONS(STARLING_DECLARE)
  STARLING_GGML_FUNCTIONS(STARLING_DECLARE)
  STARLING_GGML_BASE_FUNCTIONS(STARLING_DECLARE)
#undef STARLING_DECLARE
};

}  // namespace starling
