import { FileError, InvalidInputError } from "../errors.ts";
import { nearestValue } from "../options.ts";
import type { NamedShape, Profile, ProfileSigns } from "./profile.ts";
import { profiles } from "./profiles.ts";

/** Most tensors that a message lists. */
const MAX_SHOWN = 8;

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
  const details = { file: path, field: "profile" };
  if (found !== undefined)
    throw new FileError(
      "ERR_INVALID_CHECKPOINT",
      `The checkpoint ${path} matches several reward-model families: ${described(matching)}. Name its profile with the option ` +
        "profile (--profile).",
      details,
    );
  const nearest = nearestProfiles(signs);
  throw new FileError(
    "ERR_INVALID_CHECKPOINT",
    `The checkpoint ${path} matches no known reward-model family: ${foundIn(signs)}. Nearest: ${described(nearest)}. If it is one ` +
      `of the known families, name its profile with the option profile (--profile): ${profiles.map(({ name }) => name).join(", ")}.`,
    details,
  );
}

function described(list: readonly Profile[]): string {
  return list.map(({ name, recognisedBy }) => `${name} (${recognisedBy})`).join("; ");
}

function foundIn({ architectures, modelType, headTensors }: ProfileSigns): string {
  const what = architectures.length === 0 ? "no architecture" : `the architecture ${architectures.join(", ")}`;
  const shown = headTensors.slice(0, MAX_SHOWN).map(withShape);
  const more = headTensors.length > MAX_SHOWN ? ` and ${headTensors.length - MAX_SHOWN} more` : "";
  const tensors = shown.length === 0 ? "no tensor of a head" : `outside the trunk ${shown.join(", ")}${more}`;
  return `config.json names ${what} on a "${modelType}" trunk, and the weights have ${tensors}`;
}

function withShape({ name, shape }: NamedShape): string {
  return `${name} [${shape.join(", ")}]`;
}

/** Those whose head's name is nearest to a tensor's, or whose architecture is the checkpoint's. */
function nearestProfiles({ headTensors, architectures }: ProfileSigns): Profile[] {
  const heads = profiles.flatMap(({ heads }) => heads.map(({ weight }) => weight));
  const names = new Set(headTensors.map(({ name }) => nearestValue(name, heads)));
  const byHead = profiles.filter((profile) => profile.heads.some(({ weight }) => names.has(weight)));
  const byArchitecture = profiles.filter(({ recognisedBy }) =>
    architectures.some((architecture) => recognisedBy.includes(`"${architecture}"`)),
  );
  const [first, second] = [...byHead, ...byArchitecture];
  return [first ?? (profiles[0] as Profile), ...(second === undefined || second === first ? [] : [second])];
}
