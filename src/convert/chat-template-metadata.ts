/** The GGUF's metadata about the checkpoint's chat template. */

import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { type MetadataEntry, text } from "../gguf/entries.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { StringTable } from "../vocabulary/string-table.ts";

export function chatTemplateEntries({ chatTemplate }: Checkpoint): MetadataEntry[] {
  if (chatTemplate === undefined) return [];
  if (chatTemplate.kind === "named")
    return [
      [STARLING_KEYS.templateNames, { type: "array", of: "string", value: StringTable.from(chatTemplate.names) }],
    ];
  return [
    ["tokenizer.chat_template", text(chatTemplate.text)],
    [STARLING_KEYS.templateFrom, text(chatTemplate.from)],
  ];
}

/**
 * What to say if a checkpoint has template files that its profile does not use; undefined if it has none, or they are used.
 * A template inside tokenizer_config.json came with the trunk's tokenizer, and the model card does not use it either.
 */
export function unusedTemplateNotice({ chatTemplate, profile }: Checkpoint): string | undefined {
  if (chatTemplate === undefined || profile.template === "chat-template") return undefined;
  if (chatTemplate.kind === "template" && chatTemplate.from.startsWith("tokenizer_config.json")) return undefined;
  const own =
    chatTemplate.kind === "template"
      ? `its own chat template (${chatTemplate.from})`
      : "none of its own chat templates";
  const used = chatTemplate.kind === "template" ? "is not used" : "is used";
  return `${own} ${used}: the template of the profile ${profile.name} is the model card's`;
}
