/**
 * slime's remote_rm: slime/rollout/rm_hub/__init__.py at 624b824a. The whole JSON body of the answer is the reward. `prompt` is
 * the text that a chat template rendered (--apply-chat-template), a plain text, or messages.
 */
import Type, { type Static } from "typebox";
import type { MessageInput } from "../../prompt/messages.ts";
import type { Dialect, DialectContext, DialectRequest } from "../contract.ts";
import { isGiven, pairItem, plainError, text } from "./parts.ts";
import { isRenderedPrompt } from "./raw-text.ts";

const body = Type.Object({
  prompt: Type.Union([text, Type.Array(Type.Object({}), { description: "Messages; the last one is the user's." })]),
  response: text,
  label: Type.Optional(Type.Unknown({ description: "Ignored." })),
});

export const slime: Dialect = {
  name: "slime",
  paths: ["/slime", "/"],
  overloadStatus: 503,
  body,
  claims: ({ prompt, response }) => isGiven(prompt) && isGiven(response),
  read({ prompt, response }: Static<typeof body>, { rawText }: DialectContext): DialectRequest {
    // A rendered prompt ends where the response begins: together they are the text.
    const item =
      typeof prompt === "string" && isRenderedPrompt(prompt)
        ? { item: rawText(prompt + response, "prompt + response"), name: "prompt + response" }
        : pairItem(prompt as string | readonly MessageInput[], response, "request");
    return { items: [item], answer: ([result]) => result?.score };
  },
  refuse: plainError,
};
