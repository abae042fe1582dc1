/**
 * LLaMA-Factory's reward API: src/llamafactory/train/ppo/ppo_utils.py (client, at any URL) and src/llamafactory/api/app.py
 * (server, /v1/score/evaluation), at ff6d4d12. `messages` are decoded texts, not turns. The client reads `scores` and does not
 * look at the status.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest } from "../contract.ts";
import { below, modelName, rawItems, scoresOf, texts } from "./parts.ts";

const body = Type.Object({
  model: modelName,
  messages: Type.Union([texts], { description: "Prompts with their responses, in the text of a chat template." }),
  max_length: Type.Optional(Type.Unknown({ description: "Ignored: the model's own limit holds." })),
});

export const llamafactory: Dialect = {
  name: "llamafactory",
  paths: ["/v1/score/evaluation", ...below(["/llamafactory"], ["", "/v1/score/evaluation"]), "/"],
  overloadStatus: 503,
  body,
  claims: ({ messages }) => Array.isArray(messages),
  read({ messages }: Static<typeof body>, context: DialectContext): DialectRequest {
    return {
      items: rawItems(messages, "messages", context),
      answer: (results) => ({
        id: `scoreval-${context.requestId}`,
        object: "score.evaluation",
        model: context.model.name,
        scores: scoresOf(results),
      }),
    };
  },
  // FastAPI's shape. The client fails with KeyError 'scores', whatever is written here.
  refuse: ({ code, message }) => ({ detail: message, code }),
};
