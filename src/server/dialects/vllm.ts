/**
 * vLLM's pooling server, and verl's reward loop, which calls it: vllm/entrypoints/pooling/{classify,pooling}/protocol.py (main,
 * November 2026); verl/experimental/reward_loop/reward_loop.py at 19c3befa. verl sends `use_activation` false (before vLLM 0.11.2
 * `activation`) and reads data[-1].probs[-1]. Genuine vLLM applies an activation where the flag is absent: here a score is raw.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest } from "../contract.ts";
import {
  activationFields,
  activationIn,
  below,
  encodingFormat,
  optional,
  refused,
  scoresOf,
  text,
  vectorOf,
} from "./parts.ts";
import { inputFields, inputItems, vllmError, vllmUsage } from "./vllm-input.ts";

const classifyBody = Type.Object({ ...inputFields, ...activationFields });

export const vllmClassify: Dialect = {
  name: "vllm-classify",
  paths: ["/classify", ...below(["", "/vllm", "/sglang"], ["/v1/classify"]), "/vllm/classify"],
  overloadStatus: 503,
  body: classifyBody,
  read(body: Static<typeof classifyBody>, context: DialectContext): DialectRequest {
    return {
      items: inputItems(body, context),
      answer: (results) => ({
        id: `classify-${context.requestId}`,
        object: "list",
        created: context.created,
        model: context.model.name,
        data: scoresOf(results, activationIn(body)).map((score, index) => ({
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
  encoding_format: encodingFormat,
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
        `Expected "classify" for task but received ${JSON.stringify(task)}: a text has one score here. POST /v1/score ` +
          "with perToken returns the reward at every token.",
        "task",
      );
    return {
      items: inputItems(body, context),
      answer: (results) => ({
        id: `pool-${context.requestId}`,
        object: "list",
        created: context.created,
        model: context.model.name,
        data: scoresOf(results, activationIn(body)).map((score, index) => ({
          ...{ index, object: "pooling", data: vectorOf(score, encoding_format) },
        })),
        usage: vllmUsage(results),
      }),
    };
  },
  refuse: vllmError,
};
