/**
 * vLLM's pooling server, and verl's reward loop, which calls it: vllm/entrypoints/pooling/{classify,pooling}/protocol.py (main,
 * November 2026); verl/experimental/reward_loop/reward_loop.py at 19c3befa. verl sends `use_activation` false (before vLLM 0.11.2
 * `activation`) and reads data[-1].probs[-1]. Genuine vLLM applies an activation where the flag is absent: here a score is raw.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest } from "../contract.ts";
import { activationBy, below, float32Base64, optional, refused, scoresOf, text } from "./parts.ts";
import { activationFields, inputFields, inputItems, vllmError, vllmUsage } from "./vllm-input.ts";

const classifyBody = Type.Object({ ...inputFields, ...activationFields });

export const vllmClassify: Dialect = {
  name: "vllm-classify",
  paths: ["/classify", ...below(["", "/vllm", "/sglang"], ["/v1/classify"]), "/vllm/classify"],
  overloadStatus: 503,
  body: classifyBody,
  read(body: Static<typeof classifyBody>, context: DialectContext): DialectRequest {
    const activation = activationBy(body.use_activation ?? body.activation);
    return {
      items: inputItems(body, context),
      answer: (results) => ({
        id: `classify-${context.requestId}`,
        object: "list",
        created: context.created,
        model: context.model.name,
        data: scoresOf(results, activation).map((score, index) => ({
          ...{ index, label: "LABEL_0", probs: [score], num_classes: 1 },
        })),
        usage: vllmUsage(results),
      }),
    };
  },
  refuse: vllmError,
};

const poolingBody = Type.Object({
  ...inputFields,
  ...activationFields,
  task: optional(text),
  encoding_format: optional(Type.Union([Type.Literal("float"), Type.Literal("base64")])),
  embed_dtype: optional(Type.Literal("float32")),
  endianness: optional(Type.Union([Type.Literal("native"), Type.Literal("little")])),
});

export const vllmPooling: Dialect = {
  name: "vllm-pooling",
  paths: below(["", "/vllm"], ["/pooling"]),
  overloadStatus: 503,
  body: poolingBody,
  read(body: Static<typeof poolingBody>, context: DialectContext): DialectRequest {
    const { task, encoding_format } = body;
    if (task?.includes("token") || task === "plugin")
      throw refused(
        `Expected "classify" for task but received ${JSON.stringify(task)}: one score a text. Rewards at each token are in ` +
          "POST /v1/score.",
        "task",
      );
    const activation = activationBy(body.use_activation ?? body.activation);
    const write = (score: number) => (encoding_format === "base64" ? float32Base64(score) : [score]);
    return {
      items: inputItems(body, context),
      answer: (results) => ({
        id: `pool-${context.requestId}`,
        object: "list",
        created: context.created,
        model: context.model.name,
        data: scoresOf(results, activation).map((score, index) => ({ index, object: "pooling", data: write(score) })),
        usage: vllmUsage(results),
      }),
    };
  },
  refuse: vllmError,
};
