/**
 * Hugging Face's inference interface, as InferenceClient.text_classification sends it to a URL given as the model:
 * huggingface_hub 1.33, src/huggingface_hub/inference/_client.py; @huggingface/inference, textClassification. The body has
 * `inputs` and `parameters`, the answer is a list for each text. `function_to_apply` is the activation's own field.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest, NamedItem } from "../contract.ts";
import { activationBy, optional, pairItem, rawItem, refused, scoresOf, text, texts } from "./parts.ts";

const pair = Type.Object({ text, text_pair: optional(text) });

const body = Type.Object({
  inputs: Type.Union([text, texts, pair, Type.Array(pair)]),
  parameters: optional(Type.Object({ function_to_apply: optional(text) })),
});

export const huggingface: Dialect = {
  name: "huggingface",
  paths: ["/huggingface", "/"],
  overloadStatus: 429,
  body,
  read({ inputs, parameters }: Static<typeof body>, context: DialectContext): DialectRequest {
    const apply = parameters?.function_to_apply ?? "none";
    if (apply !== "none" && apply !== "sigmoid")
      throw refused(
        `Expected "none" or "sigmoid" for parameters.function_to_apply but received ${JSON.stringify(apply)}: with one ` +
          "label a softmax is always 1.",
        "parameters.function_to_apply",
      );
    const list = Array.isArray(inputs) ? inputs : [inputs];
    const nameOf = (i: number) => (Array.isArray(inputs) ? `inputs[${i}]` : "inputs");
    return {
      items: list.map((each, i) => itemOf(each as string | Static<typeof pair>, nameOf(i), context)),
      answer: (results) =>
        scoresOf(results, activationBy(apply === "sigmoid")).map((score) => [{ label: "LABEL_0", score }]),
    };
  },
  refuse: ({ code, message }) => ({ error: message, error_type: code }),
};

function itemOf(value: string | Static<typeof pair>, name: string, context: DialectContext): NamedItem {
  if (typeof value === "string") return rawItem(value, name, context);
  if (value.text_pair === undefined || value.text_pair === null) return rawItem(value.text, `${name}.text`, context);
  return pairItem(value.text, value.text_pair, name);
}
