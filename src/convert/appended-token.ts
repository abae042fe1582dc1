/** The token that a profile puts after every text and conversation. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { ATHENE_CLS_ID } from "../profiles/athene-rm.ts";

/** Its id; undefined for a profile without one. @throws FileError where the tokenizer has no such token */
export function appendedToken({ profile, vocabulary, folder, config }: Checkpoint): number | undefined {
  const field = profile.appended;
  if (field === undefined) return undefined;
  const path = folder.pathOf("tokenizer_config.json");
  const id =
    vocabulary.kind === "byte-pair" ? vocabulary.model[ID_OF[field]] : endOf(field, vocabulary.tokenizer.endId);
  if (id === undefined)
    throw refuse(path, `names no ${field}, which ${profile.name} puts after every text.`, { field });
  // The reference writes the tokenizer's token and looks for this id.
  if (field === "cls_token" && config.vocabularySize > ATHENE_CLS_ID && id !== ATHENE_CLS_ID)
    throw refuse(
      path,
      `names the token ${id} as ${field}; the code of ${profile.name} looks for id ${ATHENE_CLS_ID}.`,
      {
        field,
      },
    );
  return id;
}

const ID_OF = { cls_token: "clsId", eos_token: "endId" } as const;

/** A SentencePiece vocabulary has no cls_token here. */
function endOf(field: keyof typeof ID_OF, endId: number | undefined): number | undefined {
  return field === "eos_token" ? endId : undefined;
}
