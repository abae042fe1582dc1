/** What config.json of the trunks beside Llama may say, and what is refused because it would change the numbers. */
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/checkpoint/config.ts";
import type { JsonObject } from "../../../src/checkpoint/json.ts";

const sizes = {
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 500,
  max_position_embeddings: 4096,
};

const parse = (config: JsonObject) => parseConfig({ ...sizes, ...config }, "config.json");

describe("what transformers takes for absent fields", () => {
  it.each<[string, JsonObject, object]>([
    ["mistral", { num_attention_heads: 16, num_key_value_heads: undefined }, { keyValueHeads: 8, window: 4096 }],
    ["mistral", { num_key_value_heads: null, sliding_window: null }, { keyValueHeads: 4, headDim: 16 }],
    ["qwen2", {}, { headDim: 16 }],
    ["qwen3", {}, { headDim: 128 }],
    ["gemma2", {}, { headDim: 256, window: 4096 }],
  ])("%s %j", (model_type, config, expected) => {
    expect(parse({ model_type, ...config })).toMatchObject(expected);
  });

  it("Gemma 2's numbers", () => {
    expect(parse({ model_type: "gemma2", final_logit_softcapping: null }).numbers).toEqual({
      query_pre_attn_scalar: 256,
      attn_logit_softcapping: 50,
      sliding_window: 4096,
    });
    expect(parse({ model_type: "qwen3" }).numbers).toEqual({});
  });
});

describe("windows", () => {
  const sliding = "sliding_attention";
  const full = "full_attention";

  it.each<[JsonObject, number | undefined]>([
    [{ model_type: "mistral", sliding_window: null }, undefined],
    [{ model_type: "mistral", sliding_window: 512 }, 512],
    [{ model_type: "qwen2", sliding_window: 512 }, undefined],
    [{ model_type: "qwen2", use_sliding_window: false, sliding_window: 512 }, undefined],
    // Versions disagree on the layers that slide: within the window all are right.
    [{ model_type: "qwen2", use_sliding_window: true, sliding_window: 512, max_window_layers: 28 }, 512],
    [{ model_type: "qwen3", use_sliding_window: true, sliding_window: null }, undefined],
    [{ model_type: "qwen3", use_sliding_window: true }, 4096],
    [{ model_type: "qwen3", layer_types: [full, full, full, full] }, undefined],
    [{ model_type: "gemma2", sliding_window: 64, layer_types: [sliding, full, sliding, full] }, 64],
    [{ model_type: "llama", sliding_window: 512 }, undefined],
  ])("%j", (config, window) => {
    expect(parse(config).window).toBe(window);
  });
});

describe("what llama.cpp's graphs do not compute", () => {
  const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 1024 };
  const llama3 = {
    ...{ rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
    original_max_position_embeddings: 1024,
  };

  it.each<[JsonObject, string, RegExp]>([
    [{ model_type: "qwen2", rope_scaling: yarn }, "rope_scaling", /"yarn"/],
    [{ model_type: "qwen3", rope_parameters: { rope_theta: 1e6, ...yarn } }, "rope_parameters", /"yarn"/],
    [{ model_type: "qwen3", rope_scaling: llama3 }, "rope_scaling", /"llama3".*"qwen3"/],
    [{ model_type: "gemma2", rope_parameters: llama3 }, "rope_parameters", /"llama3".*"gemma2"/],
    [{ model_type: "qwen3", attention_bias: true }, "attention_bias", /true as attention_bias/],
    [{ model_type: "gemma2", attention_bias: true }, "attention_bias", /true as attention_bias/],
    [{ model_type: "qwen2", use_mrope: true }, "use_mrope", /true as use_mrope/],
    [{ model_type: "qwen2", head_dim: 32 }, "head_dim", /32 as head_dim.* 16\./],
    [{ model_type: "qwen2", hidden_act: "gelu" }, "hidden_act", /"gelu"/],
    [{ model_type: "gemma2", hidden_activation: "gelu" }, "hidden_activation", /"gelu"/],
    [{ model_type: "gemma2", attn_logit_softcapping: null }, "attn_logit_softcapping", /null/],
    [{ model_type: "gemma2", sliding_window: null }, "sliding_window", /null/],
    [{ model_type: "gemma2", query_pre_attn_scalar: 0 }, "query_pre_attn_scalar", /above 0/],
    [{ model_type: "gemma2", layer_types: Array(4).fill("full_attention") }, "layer_types", /for layer 0/],
    [{ model_type: "gemma2", layer_types: ["sliding_attention"] }, "layer_types", /each of 4 layers/],
    [{ model_type: "gemma2", use_bidirectional_attention: true }, "use_bidirectional_attention", /true/],
    [{ model_type: "qwen3", layer_types: Array(4).fill("chunked_attention") }, "layer_types", /each of 4 layers/],
    [{ model_type: "qwen3", layer_types: Array(4).fill("sliding_attention") }, "layer_types", /turns it off/],
    [{ model_type: "qwen3", use_sliding_window: "yes" }, "use_sliding_window", /"yes"/],
    [{ model_type: "mistral", sliding_window: 0 }, "sliding_window", /whole number/],
    [{ model_type: "gemma3" }, "model_type", /"gemma3" as model_type; only "llama", "mistral", "qwen2", "qwen3"/],
  ])("%j", (config, field, message) => {
    expect(() => parse(config)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_CHECKPOINT", field, message: expect.stringMatching(message) }),
    );
  });
});
