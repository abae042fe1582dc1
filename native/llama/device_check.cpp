#include "llama/device_check.h"

#include <cmath>

#include "llama/log.h"
#include "llama/owned.h"
#include "llama/runtime.h"
#include "support/failure.h"

namespace starling {

namespace {

/** A few tiles of every GPU kernel; takes no time. */
constexpr int64_t INNER = 64;
constexpr int64_t ROWS = 16;
constexpr int64_t COLUMNS = 8;
constexpr size_t PRODUCT_TENSORS = 3;
/** Integers up to 2 x INNER are exact in float16 too. A device may round, but not more than this. */
constexpr float TOLERANCE = 0.5F;

std::vector<float> pattern(int64_t count, int64_t period) {
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = static_cast<float>(i % period);
  return values;
}

bool product_is_right(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& product) {
  for (int64_t column = 0; column < COLUMNS; ++column)
    for (int64_t row = 0; row < ROWS; ++row) {
      float sum = 0;
      for (int64_t k = 0; k < INNER; ++k)
        sum += a[static_cast<size_t>(row * INNER + k)] * b[static_cast<size_t>(column * INNER + k)];
      // Negated, so that NaN fails too.
      if (!(std::fabs(product[static_cast<size_t>(column * ROWS + row)] - sum) < TOLERANCE)) return false;
    }
  return true;
}

/** Why the device cannot be used, or an empty string. */
std::string problem_of(const LlamaFunctions& functions, ggml_backend_dev_t device) {
  const LogCapture log;
  const OwnedBackend backend(functions.ggml_backend_dev_init(device, nullptr), functions.ggml_backend_free);
  if (backend == nullptr) return log.reason("it could not be initialised");
  const ggml_init_params sizes{functions.ggml_tensor_overhead() * PRODUCT_TENSORS + functions.ggml_graph_overhead(),
                               nullptr, true};
  const Owned<ggml_context> context(functions.ggml_init(sizes), functions.ggml_free);
  if (context == nullptr) return "not enough memory to test it";
  ggml_tensor* a = functions.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, INNER, ROWS);
  ggml_tensor* b = functions.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, INNER, COLUMNS);
  ggml_tensor* product = functions.ggml_mul_mat(context.get(), a, b);
  ggml_cgraph* graph = functions.ggml_new_graph(context.get());
  functions.ggml_build_forward_expand(graph, product);
  const OwnedBuffer buffer(functions.ggml_backend_alloc_ctx_tensors(context.get(), backend.get()),
                           functions.ggml_backend_buffer_free);
  if (buffer == nullptr) return log.reason("it could not allocate a few kilobytes");
  const std::vector<float> left = pattern(INNER * ROWS, 3);
  const std::vector<float> right = pattern(INNER * COLUMNS, 2);
  functions.ggml_backend_tensor_set(a, left.data(), 0, left.size() * sizeof(float));
  functions.ggml_backend_tensor_set(b, right.data(), 0, right.size() * sizeof(float));
  if (functions.ggml_backend_graph_compute(backend.get(), graph) != GGML_STATUS_SUCCESS)
    return log.reason("it failed to multiply two small matrices");
  std::vector<float> result(static_cast<size_t>(ROWS * COLUMNS));
  functions.ggml_backend_tensor_get(product, result.data(), 0, result.size() * sizeof(float));
  return product_is_right(left, right, result) ? "" : "it multiplied two small matrices wrongly";
}

}  // namespace

std::vector<DeviceCheck> check_devices() {
  const LlamaFunctions& functions = runtime::functions();
  std::vector<DeviceCheck> checks;
  for (size_t i = 0; i < functions.ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = functions.ggml_backend_dev_get(i);
    const auto type = functions.ggml_backend_dev_type(device);
    if (type != GGML_BACKEND_DEVICE_TYPE_GPU && type != GGML_BACKEND_DEVICE_TYPE_IGPU) continue;
    DeviceCheck check{functions.ggml_backend_dev_name(device), ""};
    try {
      check.problem = problem_of(functions, device);
    } catch (...) {
      check.problem = Failure::current("it could not be tested").what();
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace starling
