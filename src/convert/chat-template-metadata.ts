/** What the GGUF says of the checkpoint's chat template. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { type MetadataEntry, text } from "../gguf/entries.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { StringTable } from "../gguf/value.ts";

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
