import { llama } from "./llama.ts";
import { ONE_DIRECTION } from "./parts.ts";
import type { Trunk } from "./trunk.ts";

/**
 * Llama's layers and graph; only config.json differs. Source: modeling_mistral.py and configuration_mistral.py of transformers
 * 4.38.2 to 5.23.0, and llama.cpp's converter, which writes the architecture "llama" and no window.
 */
export const mistral: Trunk = {
  ...llama,
  modelType: "mistral",
  onlyValues: { hidden_act: "silu", ...ONE_DIRECTION },
  absent: { num_key_value_heads: 8 },
  window: { config: "sliding_window", absent: 4096, masked: "limit" },
};
