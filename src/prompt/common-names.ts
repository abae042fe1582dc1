/** What data sets call the fields that are read here. */
import { plainName } from "./input-fields.ts";

export type NamedField = "text" | "prompt" | "messages" | "response" | "responses" | "system";

/** By plainName(). */
const COMMON_NAMES: Readonly<Record<NamedField, readonly string[]>> = {
  text: ["text"],
  prompt: ["prompt", "question", "instruction", "query", "input"],
  messages: ["messages", "conversation", "conversations"],
  response: ["response", "answer", "output", "completion", "generation", "generatedtext", "reply"],
  responses: ["responses", "answers", "outputs", "completions", "generations", "candidates"],
  system: ["system", "systemprompt", "systemmessage"],
};

/** Whether a name is a common one of a field, however its letters and separators are written. */
export function isNameOf(field: NamedField, name: string): boolean {
  return COMMON_NAMES[field].includes(plainName(name));
}

/** Whether a name is a common one of any of the fields. */
export function isCommonName(name: string): boolean {
  const plain = plainName(name);
  return Object.values(COMMON_NAMES).some((names) => names.includes(plain));
}
