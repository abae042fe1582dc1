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
    const message = `The profile ${JSON.stringify(name.slice(0, 60))} is not known; known are auto, ${names}.`;
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field: "profile" });
  }
  const matching = profiles.filter((profile) => profile.matches(signs));
  const [found] = matching;
  if (found !== undefined && matching.length === 1) return found;
  const known = profiles.map((profile) => `${profile.name} (${profile.recognisedBy})`).join("; ");
  const message =
    `The checkpoint ${path} is recognised as ${found ? "several kinds" : "no kind"} of reward model; ` +
    `name its profile with the option profile (--profile) if it is one of these: ${known}.`;
  throw new FileError("ERR_INVALID_CHECKPOINT", message, { file: path, field: "profile" });
}
