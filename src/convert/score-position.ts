/** Where the score is read: the profile's rule, or the caller's. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { own } from "../checkpoint/json.ts";
import { refuse } from "../checkpoint/refuse.ts";
import { InvalidInputError, invalidArgument } from "../errors.ts";
import { MAX_PADDED_TOKENS, type ScorePosition, WITHOUT_PADDING } from "../profiles/rules.ts";
import { appendedToken } from "./appended-token.ts";

/** A caller's choice. */
export type ScorePositionChoice =
  | "last"
  | "first-padding"
  | "last-non-padding"
  | "end-of-padding"
  | `last-of-token:${number}`;

const CHOICES: Readonly<Record<string, ScorePosition>> = {
  last: "last",
  "first-padding": "first-padding",
  "last-non-padding": "last-non-padding",
  "end-of-padding": "padding-end",
};
const OF_TOKEN = /^last-of-token[: ](\d{1,7})$/;
/** The first version of transformers that reads at the last token that is no padding: modeling_llama.py of 4.48.3 and 4.49.0. */
const LAST_NON_PADDING_SINCE = [4, 49] as const;

/** Checks a caller's choice: returns what was expected, or undefined when it is one. */
export function aScorePosition(value: unknown): string | undefined {
  const isOne = typeof value === "string" && (Object.hasOwn(CHOICES, value) || OF_TOKEN.test(value));
  return isOne ? undefined : `one of ${Object.keys(CHOICES).join(", ")} or last-of-token:ID`;
}

export interface FoundPosition {
  readonly position: ScorePosition;
  /** Absent where the position needs no padding. */
  readonly padId?: number;
  /** Of "last-of-token". */
  readonly tokenId?: number;
}

/**
 * @param padId the padding id by the profile's rule, if any
 * @param asked undefined: the profile's rule
 * @throws InvalidInputError for a choice that this checkpoint cannot have
 */
export function scorePositionOf(
  checkpoint: Checkpoint,
  padId: number | undefined,
  asked: ScorePositionChoice | undefined,
): FoundPosition {
  if (asked !== undefined) return chosen(checkpoint, padId ?? checkpoint.config.padTokenId, asked);
  const { scorePosition } = checkpoint.profile.padding;
  const position = scorePosition === "by-version" ? byVersion(checkpoint) : scorePosition;
  if (position === "last-of-token") return { position, tokenId: appendedToken(checkpoint) as number };
  if (padId === undefined || position === "last") return { position: "last" };
  return { position, padId };
}

function chosen(checkpoint: Checkpoint, padId: number | undefined, asked: string): FoundPosition {
  const refuseChoice = (sentence: string) =>
    new InvalidInputError("ERR_INVALID_ARGUMENT", `The scorePosition (--score-position) ${asked} ${sentence}.`, {
      field: "scorePosition",
    });
  const [, token] = OF_TOKEN.exec(asked) ?? [];
  if (token !== undefined) {
    const { vocabularySize } = checkpoint.config;
    if (Number(token) < vocabularySize) return { position: "last-of-token", tokenId: Number(token) };
    throw refuseChoice(`names an id that the vocabulary of ${vocabularySize} tokens does not have`);
  }
  const position = CHOICES[asked];
  if (position === undefined) throw invalidArgument("scorePosition", aScorePosition(asked) as string, asked);
  if (WITHOUT_PADDING.includes(position)) return { position };
  if (padId === undefined) throw refuseChoice("needs a padding token, and config.json has no pad_token_id");
  const { profile, config } = checkpoint;
  const most = profile.maxTokens === "context" ? config.contextLength : profile.maxTokens;
  if (position === "padding-end" && most > MAX_PADDED_TOKENS)
    throw refuseChoice(`is for rows of up to ${MAX_PADDED_TOKENS} tokens, and this model has ${most}`);
  return { position, padId };
}

/** Without a version, only items of which all versions say the same are scored. */
function byVersion({ settings, folder }: Checkpoint): ScorePosition {
  const field = "transformers_version";
  const version = own(settings, field);
  if (version === undefined || version === null) return "last-non-pad";
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(String(version)) ?? [];
  if (major === undefined)
    throw refuse(
      folder.pathOf("config.json"),
      `has ${JSON.stringify(version)} as ${field}; expected one such as 4.44.2.`,
      {
        field,
      },
    );
  const [sinceMajor, sinceMinor] = LAST_NON_PADDING_SINCE;
  const isNew = Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
  return isNew ? "last-non-padding" : "first-padding";
}
