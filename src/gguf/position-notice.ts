import type { Vocabulary } from "../native/addon.ts";
import type { RewardMetadata } from "./reward-metadata.ts";
import type { ChatTemplateSource } from "./vocabulary-metadata.ts";

/**
 * Where a model that pads with a token of its own template reads its scores: versions of transformers differ. undefined where
 * they do not, or the template is not known here.
 */
export function positionNotice({
  scorePosition,
  padTokenId,
  tokenizer,
  chatTemplate,
}: Pick<RewardMetadata, "scorePosition" | "padTokenId" | "tokenizer" | "chatTemplate">): string | undefined {
  const rule = scorePosition === "first-padding" || scorePosition === "last-non-padding" ? scorePosition : undefined;
  const token = padTokenId === undefined ? undefined : pieceIn(tokenizer, padTokenId);
  if (rule === undefined || !token || chatTemplate === undefined || !writes(chatTemplate, token)) return undefined;
  const where =
    rule === "first-padding"
      ? "before the first one, as transformers up to 4.48 does, which may be before the response"
      : "at the last token that is another one, as transformers from 4.49 on does";
  return `the chat template writes the padding token ${token}: scores are read ${where} (--score-position of convert)`;
}

/** Whether a Jinja template writes a token: in a string of its own, or by the tokenizer's name for it. */
function writes({ source, tokens }: ChatTemplateSource, token: string): boolean {
  return source.includes(token) || Object.entries(tokens).some(([name, of]) => of === token && source.includes(name));
}

function pieceIn({ bytes, offsets }: Vocabulary, id: number): string {
  return Buffer.from(bytes.subarray(offsets[id], offsets[id + 1])).toString();
}
