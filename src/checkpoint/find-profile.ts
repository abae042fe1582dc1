import { FileError, InvalidInputError } from "../errors.ts";
import type { LlamaConfig } from "./config.ts";
import { type Profile, profiles } from "./profiles.ts";
import type { CheckpointVocabulary } from "./vocabulary.ts";

/** What identifies a profile. */
export interface ProfileSigns {
  /** What errors call the checkpoint. */
  readonly path: string;
  readonly config: LlamaConfig;
  readonly vocabulary: CheckpointVocabulary;
  readonly tensors: { has(name: string): boolean };
}

/**
 * The profile with this name, or the one that the checkpoint's own files show.
 *
 * @param name a profile's name, or "auto"
 * @throws InvalidInputError for an unknown name, FileError ERR_INVALID_CHECKPOINT when the files show none or several
 */
export function findProfile(name: string, signs: ProfileSigns): Profile {
  if (name !== "auto") {
    const found = profiles.find((profile) => profile.name === name);
    if (found !== undefined) return found;
    const message = `The profile ${JSON.stringify(name.slice(0, 60))} is not known; known are auto, ${names()}.`;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field: "profile" });
  }
  const fitting = profiles.filter((profile) => fits(profile, signs));
  const [found] = fitting;
  if (found !== undefined && fitting.length === 1) return found;
  const known = profiles.map((profile) => `${profile.name} (${profile.recognisedBy})`).join("; ");
  const message =
    `The checkpoint ${signs.path} is recognised as ${found ? "several kinds" : "no kind"} of reward model; ` +
    `name its profile with the option profile (--profile) if it is one of these: ${known}.`;
  throw new FileError("ERR_INVALID_CHECKPOINT", message, { file: signs.path, field: "profile" });
}

function names(): string {
  return profiles.map((profile) => profile.name).join(", ");
}

function fits(profile: Profile, { config, vocabulary, tensors }: ProfileSigns): boolean {
  const other = profile.trunk === "model." ? "transformer." : "model.";
  const has = (prefix: string) => tensors.has(`${prefix}embed_tokens.weight`);
  // A checkpoint with one tensor missing is still recognised, so the error can name that tensor.
  if (!tensors.has(profile.head.weight) && !has(profile.trunk)) return false;
  if (profile.name === "llama-sequence-classification")
    return !has(other) && config.architectures.includes("LlamaForSequenceClassification");
  if (tensors.has("score.weight") || vocabulary.kind !== "sentencepiece") return false;
  const { pieces } = vocabulary;
  const chat = pieces.idOf("<|im_start|>") !== undefined && pieces.idOf("<|im_end|>") !== undefined;
  if (profile.name === "starling-rm-34b") return chat;
  return !chat && ["<unk>", "<s>", "</s>"].every((piece, id) => pieces.idOf(piece) === id);
}
