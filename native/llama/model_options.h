#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace starling {

/** LoadOptions of src/native/addon.ts, checked and copied on the JS thread. */
struct ModelOptions {
  std::string path;
  /** The file at `path`, open; null: it is opened by its path. */
  std::shared_ptr<std::FILE> file;
  int32_t gpu_layers = 0;
  /** Names of the devices that may hold layers, in order; empty: all graphics processors of the runtime. */
  std::vector<std::string> devices;
  /** Whether the main device holds all layers, or each device some. */
  bool main_device_alone = false;
  /** Index among the devices. */
  int32_t main_device = 0;
  int32_t context_tokens = 0;
  int32_t micro_batch = 0;
  int32_t max_sequences = 0;
  int32_t batch_tokens = 0;
  /** Sequences that are evaluated at the same time, each in a context of its own. */
  int32_t context_workers = 1;
  /** Threads of each while several work, and of one that works alone. */
  int32_t worker_threads = 1;
  int32_t solo_threads = 1;
  bool flash_attention = false;
  bool kv_f32 = false;
  bool mmap = true;
  /** Whether the CPU library may rearrange weights for kernels of its own. */
  bool rearranged = true;
  /** In exact mode every decode has a multiple of this many rows; see check_kernels(). */
  int32_t row_multiple = 4;
  bool share_prefixes = true;
  /** Most bytes for the saved states of held prefixes. */
  size_t pinned_bytes = 0;
  std::vector<float> head;
  float head_bias = 0;
  /** Where a score is read at the end of the padding: the padding's id and the row's last position; -1 for none. */
  int32_t padding_token = -1;
  int32_t padding_position = -1;
};

/** ModelInfo of src/native/addon.ts. */
struct ModelInfo {
  std::string architecture;
  std::string description;
  uint64_t parameters = 0;
  uint64_t size = 0;
  int32_t embedding_length = 0;
  int32_t vocabulary_size = 0;
  int32_t layers = 0;
  int32_t trained_context = 0;
  int32_t context_tokens = 0;
  std::vector<std::string> devices;
};

}  // namespace starling
