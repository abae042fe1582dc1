/**
 * A CPU library with a planted fault, for the tests of the self-test at load: another one, whose products of quantised
 * weights are spoilt as STARLING_TEST_FAULT says. It is what llama.cpp takes for a variant of its own
 * (libggml-cpu-*.so).
 */
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "ggml-backend-impl.h"
#include "ggml-impl.h"

namespace {

void* library = nullptr;
decltype(ggml_backend_device_i::init_backend) real_init = nullptr;
decltype(ggml_backend_i::graph_compute) real_compute = nullptr;

template <typename Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

std::string fault() {
  const char* name = std::getenv("STARLING_TEST_FAULT");
  return name == nullptr ? "" : name;
}

/** Quantised weights; the key-value cache is not quantised. */
bool is_product_of_weights(const ggml_tensor* node) {
  return node->op == GGML_OP_MUL_MAT && node->src[0]->buffer != nullptr && node->src[0]->type >= GGML_TYPE_Q4_0 &&
         node->src[0]->type <= GGML_TYPE_Q6_K;
}

/** Keys and values are views of the cache. */
bool is_product_of_cache(const ggml_tensor* node) {
  return node->op == GGML_OP_MUL_MAT && node->src[0]->view_src != nullptr && node->src[0]->type <= GGML_TYPE_F16;
}

/** What ARM's float16 kernels do, which are not used for fewer than 8 rows; or another rounding for each number of
 * rows. */
void spoil_attention(ggml_tensor* node) {
  const std::string kind = fault();
  const auto rows = static_cast<size_t>(node->ne[1]);
  auto* values = static_cast<float*>(node->data);
  const auto count = static_cast<size_t>(node->ne[0] * node->ne[1] * node->ne[2]);
  if (kind == "attention" && rows < 8)
    for (size_t i = 0; i < count; ++i) values[i] *= 1.0001F;
  if (kind == "attention-never-exact")
    for (size_t i = 0; i < count; ++i) values[i] *= 1.0F + static_cast<float>(rows) * 1.2e-7F;
}

bool is_repacked(const ggml_tensor* weights) {
  static auto* const name_of = find<decltype(ggml_backend_buft_name)>("ggml_backend_buft_name");
  return std::strcmp(name_of(weights->buffer->buft), "CPU") != 0 &&
         std::strncmp(name_of(weights->buffer->buft), "CPU_Mapped", 10) != 0;
}

void spoil(ggml_tensor* node, const std::vector<float>& before) {
  const std::string kind = fault();
  const bool repacked = is_repacked(node->src[0]);
  auto* values = static_cast<float*>(node->data);
  const auto outputs = static_cast<size_t>(node->ne[0]);
  const auto rows = static_cast<size_t>(node->ne[1]);
  // What llama.cpp's AMX kernels do with rows of 32 columns: whole blocks of 32 rows are added to what was there
  // before.
  if (kind == "stale" && repacked)
    for (size_t i = 0; i < rows / 32 * 32 * outputs; ++i) values[i] += before[i];
  // Another rounding for the rows that are left over of eight.
  if (kind == "company" || (kind == "company-repacked" && repacked))
    for (size_t i = rows / 8 * 8 * outputs; i < rows * outputs; ++i) values[i] *= 1.0001F;
  // Another rounding whenever there are more rows.
  if (kind == "never-exact")
    for (size_t i = 0; i < rows * outputs; ++i) values[i] *= 1.0F + static_cast<float>(rows) * 1e-6F;
  // One output in each row is a little off: far beyond what rounding does, far below what one sees in a score.
  if (kind == "off" || (kind == "off-repacked" && repacked))
    for (size_t row = 0; row < rows; ++row) values[row * outputs + 7] += 0.3F * values[row * outputs + 8];
}

ggml_status compute(ggml_backend_t backend, ggml_cgraph* graph) {
  if (fault().empty()) return real_compute(backend, graph);
  static auto* const view = find<decltype(ggml_graph_view)>("ggml_graph_view");
  for (int i = 0; i < graph->n_nodes; ++i) {
    ggml_tensor* node = graph->nodes[i];
    const bool spoilt = is_product_of_weights(node);
    std::vector<float> before;
    if (spoilt) {
      const auto* values = static_cast<const float*>(node->data);
      before.assign(values, values + node->ne[0] * node->ne[1]);
    }
    ggml_cgraph one = view(graph, i, i + 1);
    const ggml_status status = real_compute(backend, &one);
    if (status != GGML_STATUS_SUCCESS) return status;
    if (spoilt) spoil(node, before);
    if (is_product_of_cache(node)) spoil_attention(node);
  }
  return GGML_STATUS_SUCCESS;
}

ggml_backend_t init(ggml_backend_dev_t device, const char* parameters) {
  ggml_backend_t backend = real_init(device, parameters);
  real_compute = backend->iface.graph_compute;
  backend->iface.graph_compute = &compute;
  return backend;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
  library = dlopen(std::getenv("STARLING_TEST_CPU_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  ggml_backend_reg_t registry = find<ggml_backend_reg_t()>("ggml_backend_init")();
  ggml_backend_dev_t device = registry->iface.get_device(registry, 0);
  real_init = device->iface.init_backend;
  device->iface.init_backend = &init;
  return registry;
}

extern "C" __attribute__((visibility("default"))) int ggml_backend_score() { return 1; }
