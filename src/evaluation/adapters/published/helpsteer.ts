/**
 * nvidia/HelpSteer2, preference/preference.jsonl.gz, and nvidia/HelpSteer3, preference: a strength from -3 (response 1 is much
 * better) over 0 (about the same) to 3 (response 2 is much better). Source: the data sets' cards. In HelpSteer2 a prompt of
 * several turns has "<extra_id_1>Assistant" and "<extra_id_1>User" between them; in HelpSteer3 it is a list of messages.
 */
import type { Fields } from "../../../prompt/input-fields.ts";
import type { ChatMessage } from "../../../prompt/messages.ts";
import { textOf, wrong } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { type Context, twoResponses } from "./described.ts";
import { onScale } from "./verdicts.ts";

const COMPARED = "the response that people preferred over the other";

export const helpSteer2: Layout = twoResponses(
  {
    name: "helpsteer2",
    title: "HelpSteer2 preference",
    columns: { prompt: "text", response_1: "text", response_2: "text", preference_strength: "label" },
    compared: COMPARED,
  },
  {
    prompt: turnsOf,
    responses: ["response_1", "response_2"],
    verdict: onScale("preference_strength", -3, 3, { isWhole: true, isMixed: true }),
    read: ["prompt"],
  },
);

export const helpSteer3: Layout = twoResponses(
  {
    name: "helpsteer3",
    title: "HelpSteer3 preference",
    columns: { context: "messages", response1: "text", response2: "text", overall_preference: "label" },
    compared: COMPARED,
  },
  {
    prompt: "context",
    responses: ["response1", "response2"],
    verdict: onScale("overall_preference", -3, 3, { isWhole: true, isMixed: true }),
    read: ["chosen", "rejected"],
  },
);

/** With the line breaks around it. */
const MARK = /\n*<extra_id_1>(User|Assistant)\n+/;

function turnsOf(fields: Fields): Context {
  const prompt = textOf(fields, "prompt");
  const [first = "", ...rest] = prompt.split(MARK);
  if (rest.length === 0) return prompt;
  const messages: ChatMessage[] = [{ role: "user", content: first }];
  // Speakers and what they say alternate.
  for (let i = 0; i < rest.length; i += 2)
    messages.push({ role: rest[i] === "User" ? "user" : "assistant", content: rest[i + 1] as string });
  const isAlternating = messages.every(({ role }, i) => role === (i % 2 === 0 ? "user" : "assistant"));
  if (!isAlternating || messages.at(-1)?.role !== "user")
    throw wrong("turns of user and assistant in alternation, the last the user's,", "prompt", prompt);
  return messages;
}
