#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "llama/prefill_injection.h"
#include "llama/reward_head.h"

namespace starling {

/** LoadOptions of src/native/addon.ts, checked and copied on the JS thread. */
struct ModelOptions {
  std::string path;
  /** The file at `path`, already open; nullptr to open it by path. */
  std::shared_ptr<std::FILE> file;
  int32_t gpu_layers = 0;
  /** Names of the devices that may hold layers, in order; empty: all GPUs of the runtime. */
  std::vector<std::string> devices;
  /** Whether the main device gets all layers, or each device some. */
  bool main_device_alone = false;
  /** Index among the devices. */
  int32_t main_device = 0;
  int32_t context_tokens = 0;
  int32_t micro_batch = 0;
  int32_t max_sequences = 0;
  int32_t batch_tokens = 0;
  /** Contexts that evaluate at the same time. */
  int32_t context_workers = 1;
  /** CPU threads of each while several are at work, and while only one is. */
  int32_t worker_threads = 1;
  int32_t solo_threads = 1;
  bool flash_attention = false;
  bool kv_f32 = false;
  bool mmap = true;
  /** Whether the CPU library may repack weights for its own kernels. */
  bool repacked = true;
  /** In exact mode every decode has a multiple of this many rows: see check_kernels(). 1 where all kernels are ours. */
  int32_t row_multiple = 4;
  /** What our own kernels compute; only without GPUs. */
  PrefillAllowance prefill;
  bool share_prefixes = true;
  /** Most bytes of saved states of pinned prefixes. */
  size_t pinned_bytes = 0;
  RewardHead head;
  /** For scores at the end of the padding: the padding's id and the last position of a row; -1 for none. */
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
  /** Values of one key of one head. */
  int32_t head_length = 0;
  int32_t vocabulary_size = 0;
  int32_t layers = 0;
  int32_t trained_context = 0;
  int32_t context_tokens = 0;
  std::vector<std::string> devices;
};

}  // namespace starling
