/**
 * What a vLLM request scores: vllm/entrypoints/pooling/base/protocol.py (ChatRequestMixin, CompletionRequestMixin), vLLM main of
 * November 2026. `input` holds rendered texts, `messages` is one conversation.
 */
import Type from "typebox";
import type { MessageInput } from "../../prompt/messages.ts";
import { checkBody } from "../check-body.ts";
import type { DialectContext, NamedItem, RequestProblem, ServedScore } from "../contract.ts";
import {
  flag,
  isGiven,
  modelName,
  optional,
  rawItems,
  refused,
  refuseTokenIds,
  text,
  texts,
  usageOf,
} from "./parts.ts";

const tokenIds = Type.Array(Type.Unknown(), { description: "Token ids are refused: send texts." });

/** What is left when token ids have had their own message. */
const inputTexts = Type.Object({ input: Type.Union([text, texts]) });

/** Fields of a request with texts or a conversation. */
export const inputFields = {
  model: modelName,
  input: optional(Type.Union([text, texts, tokenIds])),
  messages: optional(Type.Array(Type.Object({}))),
  chat_template: Type.Optional(Type.Unknown({ description: "Refused: the model's own template is used." })),
  add_generation_prompt: flag,
  continue_final_message: flag,
};

export interface InputBody {
  readonly input?: string | readonly unknown[] | null;
  readonly messages?: readonly object[] | null;
  readonly chat_template?: unknown;
  readonly add_generation_prompt?: boolean | null;
  readonly continue_final_message?: boolean | null;
}

/** @throws InvalidInputError for none or both, for token ids, and for options that would change the text */
export function inputItems(body: InputBody, context: DialectContext): NamedItem[] {
  const { input, messages } = body;
  const [hasInput, hasMessages] = [isGiven(input), isGiven(messages)];
  if (hasInput === hasMessages) {
    const problem = hasInput ? "it has both" : "it has neither";
    throw refused(`Expected "input" or "messages" in the request's body, but ${problem}.`, "input");
  }
  if (hasMessages) {
    refuseTemplateOptions(body);
    return [{ item: { messages: messages as readonly MessageInput[] }, name: "request" }];
  }
  refuseTokenIds(input, "input");
  checkBody(inputTexts, { input });
  return rawItems(input as string | readonly string[], "input", context);
}

function refuseTemplateOptions({ chat_template, add_generation_prompt, continue_final_message }: InputBody): void {
  const given = { chat_template, add_generation_prompt, continue_final_message };
  for (const [name, value] of Object.entries(given))
    if (isGiven(value) && value !== false)
      throw refused(
        `${name} is not supported: a conversation is scored as the model's own template writes it. Send the rendered text as ` +
          '"input" to have it scored as it is.',
        name,
      );
}

/** vLLM's UsageInfo. */
export function vllmUsage(results: readonly ServedScore[]): unknown {
  return { ...usageOf(results), completion_tokens: 0, prompt_tokens_details: null };
}

/** vLLM's ErrorResponse: OpenAI's, with the status as the code. */
export function vllmError({ status, message, field }: RequestProblem): unknown {
  return { error: { message, type: errorType(status), param: field ?? null, code: status } };
}

function errorType(status: number): string {
  const types: Readonly<Record<number, string>> = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    413: "RequestEntityTooLargeError",
    429: "RateLimitError",
    503: "ServiceUnavailableError",
    504: "TimeoutError",
  };
  return types[status] ?? (status < 500 ? "BadRequestError" : "InternalServerError");
}
