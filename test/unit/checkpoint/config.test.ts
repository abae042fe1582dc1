import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/checkpoint/config.ts";
import { ropeDivisors } from "../../../src/checkpoint/rope-scaling.ts";
import { FileError } from "../../../src/errors.ts";
import { llama } from "../../../src/trunk/llama.ts";
import { tinyConfig } from "../convert/make-checkpoint.ts";

interface ConvertedScaling {
  readonly theta: number;
  readonly headDim: number;
  readonly factor: number;
  readonly low: number;
  readonly high: number;
  readonly originalContext: number;
  readonly divisors: readonly number[];
}

/** By scripts/oracle/make_rope_divisors.py. */
const converted: readonly ConvertedScaling[] = JSON.parse(
  readFileSync(new URL("../../fixtures/rope-divisors.json", import.meta.url), "utf8"),
);

const parse = (changes: Record<string, unknown>) => {
  const config = { ...tinyConfig(), ...changes };
  for (const [key, value] of Object.entries(config))
    if (value === undefined) delete (config as Record<string, unknown>)[key];
  return parseConfig(config, "config.json");
};

describe("parseConfig", () => {
  it("reads a Llama", () => {
    expect(parse({})).toEqual({
      trunk: llama,
      vocabularySize: 269,
      embeddingLength: 8,
      feedForwardLength: 12,
      layers: 2,
      heads: 2,
      keyValueHeads: 1,
      headDim: 4,
      contextLength: 128,
      rmsNormEpsilon: 1e-5,
      ropeTheta: 5_000_000,
      numbers: {},
      architectures: [],
      padTokenId: 0,
      name: "tiny-reward",
    });
  });

  it("fills in what transformers fills in", () => {
    const config = parse({
      num_key_value_heads: undefined,
      rope_theta: undefined,
      rms_norm_eps: undefined,
      hidden_act: undefined,
      pad_token_id: null,
      _name_or_path: "",
    });
    expect(config).toMatchObject({ keyValueHeads: 2, ropeTheta: 10_000, rmsNormEpsilon: 1e-6 });
    expect(config).not.toHaveProperty("name");
  });

  it("takes the values that change nothing", () => {
    const same = { is_causal: true, partial_rotary_factor: 1, use_bidirectional_attention: false, mlp_bias: null };
    expect(parse({ ...same, quantization_config: null, sliding_window: 4096, tie_word_embeddings: true })).toEqual(
      parse({}),
    );
  });

  it("reads rope_parameters and an explicit head_dim", () => {
    const rope = { rope_theta: 123, rope_type: "default" };
    expect(parse({ rope_theta: undefined, rope_parameters: rope }).ropeTheta).toBe(123);
    expect(parse({ rope_theta: 123, rope_parameters: rope }).ropeTheta).toBe(123);
    expect(parse({ head_dim: 6 }).headDim).toBe(6);
    expect(parse({ hidden_size: 9, head_dim: 6 }).headDim).toBe(6);
  });

  it("reads our own object before the others", () => {
    const ours = { name: "Mine", notice: "Random weights.", license: "apache-2.0" };
    expect(parse({ starling_rm: ours, license: "mit" })).toMatchObject(ours);
    expect(parse({ license: "mit" })).toMatchObject({ license: "mit" });
    expect(parse({ _name_or_path: "C:\\models\\that\\" })).toMatchObject({ name: "that" });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ model_type: "mixtral" }, "model_type"],
    [{ model_type: undefined }, "model_type"],
    [{ hidden_act: "gelu" }, "hidden_act"],
    [{ attention_bias: true }, "attention_bias"],
    [{ mlp_bias: true }, "mlp_bias"],
    [{ quantization_config: { bits: 4 } }, "quantization_config"],
    [{ pretraining_tp: 2 }, "pretraining_tp"],
    [{ hidden_size: 0 }, "hidden_size"],
    [{ hidden_size: -8 }, "hidden_size"],
    [{ hidden_size: 8.5 }, "hidden_size"],
    [{ hidden_size: "8" }, "hidden_size"],
    [{ hidden_size: 1e300 }, "hidden_size"],
    [{ hidden_size: undefined }, "hidden_size"],
    [{ hidden_size: 9 }, "num_attention_heads"],
    [{ intermediate_size: 2 ** 40 }, "intermediate_size"],
    [{ num_hidden_layers: 513 }, "num_hidden_layers"],
    [{ num_attention_heads: 0 }, "num_attention_heads"],
    [{ num_key_value_heads: 3 }, "num_key_value_heads"],
    [{ num_attention_heads: 4, num_key_value_heads: 3 }, "num_key_value_heads"],
    [{ head_dim: 3 }, "head_dim"],
    [{ head_dim: 1024 }, "head_dim"],
    [{ max_position_embeddings: 2 ** 31 }, "max_position_embeddings"],
    [{ vocab_size: 2 ** 31 }, "vocab_size"],
    [{ rms_norm_eps: 0 }, "rms_norm_eps"],
    [{ rms_norm_eps: 1e-50 }, "rms_norm_eps"],
    [{ rms_norm_eps: "1e-5" }, "rms_norm_eps"],
    [{ rope_theta: -1 }, "rope_theta"],
    [{ rope_theta: 1e300 }, "rope_theta"],
    [{ rope_scaling: { type: "linear", factor: 2 } }, "rope_scaling"],
    [{ rope_scaling: { rope_type: "llama3" } }, "rope_scaling"],
    [{ rope_scaling: { factor: 2 } }, "rope_scaling"],
    [{ rope_scaling: "linear" }, "rope_scaling"],
    [{ rope_parameters: { rope_theta: 1, rope_type: "yarn" } }, "rope_parameters"],
    [{ rope_parameters: { rope_theta: 1, partial_rotary_factor: 0.5 } }, "rope_parameters"],
    [{ rope_parameters: { rope_theta: 7 } }, "rope_theta"],
    [{ rope_parameters: { full_attention: { rope_theta: 1, rope_type: "yarn", factor: 4 } } }, "rope_parameters"],
    [{ rope_theta: undefined, rope_scaling: { rope_type: "default", rope_theta: 5e5 } }, "rope_theta"],
    [{ rope_scaling: { rope_type: "default", partial_rotary_factor: 0.5 } }, "rope_scaling"],
    [{ partial_rotary_factor: 0.5 }, "partial_rotary_factor"],
    [{ is_causal: false }, "is_causal"],
    [{ use_bidirectional_attention: true }, "use_bidirectional_attention"],
    [{ compression_config: { quant_method: "compressed-tensors" } }, "compression_config"],
    [{ starling_rm: [] }, "starling_rm"],
    [{ starling_rm: { notice: 3 } }, "notice"],
    [{ starling_rm: { name: "a\0b" } }, "name"],
    [{ starling_rm: { name: "\ud800" } }, "name"],
    [{ starling_rm: { notice: "x".repeat(10_001) } }, "notice"],
  ])("refuses %j", (changes, field) => {
    let error: unknown;
    try {
      parse(changes);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "ERR_INVALID_CHECKPOINT", file: "config.json", field });
    expect((error as Error).message).not.toContain("undefined");
  });

  it.each([
    [{ max_position_embeddings: undefined }, "has no max_position_embeddings; expected a whole number from 1 to"],
    [{ model_type: undefined }, "has no model_type; only"],
    [{ rope_scaling: { rope_type: "llama3" } }, "has no factor in rope_scaling; expected a number"],
    [{ hidden_size: null }, "has no hidden_size; expected a whole number"],
  ])("says of %j that a field is missing", (changes, message) => {
    expect(() => parse(changes)).toThrow(message);
  });

  describe("Llama 3.1's rotary frequencies", () => {
    const scaling = {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };

    it("are read from either place", () => {
      const expected = { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192 };
      expect(parse({ rope_scaling: scaling }).ropeScaling).toEqual(expected);
      expect(parse({ rope_parameters: { ...scaling, rope_theta: 5_000_000 } }).ropeScaling).toEqual(expected);
    });

    it.each([
      { factor: 0 },
      { factor: undefined },
      { high_freq_factor: 1 },
      { original_max_position_embeddings: "8192" },
      { partial_rotary_factor: 0.5 },
    ])("are refused with %j", (changes) => {
      expect(() => parse({ rope_scaling: { ...scaling, ...changes } })).toThrow(/rope_scaling|rotary/);
    });

    it.each(converted)(
      "are llama.cpp's converter's, to the last bit, for theta $theta, head size $headDim, factor $factor",
      (golden) => {
        const { factor, low: lowFrequencyFactor, high: highFrequencyFactor, originalContext, headDim, theta } = golden;
        const divisors = ropeDivisors(
          { factor, lowFrequencyFactor, highFrequencyFactor, originalContext },
          headDim,
          theta,
        );
        expect([...divisors]).toEqual(golden.divisors);
      },
    );

    it("leave fast frequencies alone and divide slow ones", () => {
      const config = { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192 };
      const divisors = ropeDivisors(config, 128, 500_000);
      expect(divisors.length).toBe(64);
      expect([divisors[0], divisors[63]]).toEqual([1, 8]);
      expect([...divisors].every((divisor, i) => i === 0 || divisor >= (divisors[i - 1] as number))).toBe(true);
      expect([...divisors].some((divisor) => divisor > 1 && divisor < 8)).toBe(true);
    });
  });
});
