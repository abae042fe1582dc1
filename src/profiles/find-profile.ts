import { FileError, InvalidInputError } from "../errors.ts";
import type { Profile, ProfileSigns } from "./profile.ts";
import { profiles } from "./profiles.ts";

/**
 * The profile with this name, or the one that the checkpoint's files match.
 *
 * @param name a profile's name, or "auto"
 * @param path the checkpoint, for errors
 * @throws InvalidInputError for an unknown name, FileError ERR_INVALID_CHECKPOINT when the files match none or several
 */
export function findProfile(name: string, path: string, signs: ProfileSigns): Profile {
  if (name !== "auto") {
    const found = profiles.find((profile) => profile.name === name);
    if (found !== undefined) return found;
    const names = profiles.map((profile) => profile.name).join(", ");
    const message = `Unknown profile ${JSON.stringify(name.slice(0, 60))}: expected one of auto, ${names}.`;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field: "profile" });
  }
  const matching = profiles.filter((profile) => profile.matches(signs));
  const [found] = matching;
  if (found !== undefined && matching.length === 1) return found;
  const known = profiles.map((profile) => `${profile.name} (${profile.recognisedBy})`).join("; ");
  const message =
    `The checkpoint ${path} matches ${found ? "several reward-model families" : "no known reward-model family"}; ` +
    `name its profile with the option profile (--profile) if it is one of these: ${known}.`;
  throw new FileError("ERR_INVALID_CHECKPOINT", message, { file: path, field: "profile" });
}
