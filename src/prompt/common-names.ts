/** What data sets call the fields that are read here. By plainName(). */
export const COMMON_NAMES: Readonly<
  Record<"prompt" | "messages" | "response" | "responses" | "system", readonly string[]>
> = {
  prompt: ["prompt", "question", "instruction", "query", "input"],
  messages: ["messages", "conversation", "conversations"],
  response: ["response", "answer", "output", "completion", "generation", "generatedtext", "reply"],
  responses: ["responses", "answers", "outputs", "completions", "generations", "candidates"],
  system: ["system", "systemprompt", "systemmessage"],
};
