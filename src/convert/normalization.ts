/** The mean and standard deviation that a checkpoint has for its rewards. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { own } from "../checkpoint/json.ts";
import { hasAs, refuse } from "../checkpoint/refuse.ts";
import { InvalidInputError } from "../errors.ts";
import type { Normalization } from "../gguf/head-metadata.ts";

/** safe-rlhf adds it to the standard deviation. */
const EPSILON = 1e-8;

type ReadNumber = (tensor: string) => Promise<number | undefined>;

/**
 * @param asked undefined: as the reference does
 * @param readNumber a tensor of one number; undefined where the checkpoint has none of this name
 * @throws InvalidInputError where it is asked for and the checkpoint has no such numbers
 */
export async function readNormalization(
  checkpoint: Checkpoint,
  asked: boolean | undefined,
  readNumber: ReadNumber,
): Promise<Normalization | undefined> {
  const { profile } = checkpoint;
  const found =
    profile.normalization === "running"
      ? await running(checkpoint, readNumber)
      : profile.normalization === "mean-std"
        ? await meanAndStd(checkpoint, readNumber)
        : undefined;
  if (found === undefined) {
    if (asked !== true) return undefined;
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The checkpoint ${checkpoint.folder.path} has no mean and std of its rewards, which normalizeReward (--normalize-reward) needs.`,
      { field: "normalizeReward" },
    );
  }
  const { mean, std, byDefault } = found;
  return { mean, std, applied: asked ?? byDefault };
}

interface Found {
  readonly mean: number;
  readonly std: number;
  /** Whether the reference normalises. */
  readonly byDefault: boolean;
}

/** OpenRLHF: in config.json, or buffers of older versions. Its own code is told whether to normalise. */
async function meanAndStd(checkpoint: Checkpoint, readNumber: ReadNumber): Promise<Found | undefined> {
  const mean = numberIn(checkpoint, "mean") ?? (await readNumber("mean"));
  const std = numberIn(checkpoint, "std") ?? (await readNumber("std"));
  if (mean === undefined || std === undefined) return undefined;
  return { mean, std: checkDeviation(checkpoint, "std", std), byDefault: false };
}

/** safe-rlhf: rewards lose their mean and are divided, costs are only divided, so that 0 stays 0. */
async function running(checkpoint: Checkpoint, readNumber: ReadNumber): Promise<Found | undefined> {
  const mean = (await readNumber("normalizer.mean")) ?? numberIn(checkpoint, "mean");
  const variance = (await readNumber("normalizer.var")) ?? numberIn(checkpoint, "var");
  if (mean === undefined || variance === undefined) return undefined;
  const std = Math.sqrt(checkDeviation(checkpoint, "var", variance)) + EPSILON;
  const byDefault = own(checkpoint.settings, "do_normalize") === true;
  return { mean: checkpoint.profile.direction === "lower" ? 0 : mean, std, byDefault };
}

/** A number, or a list of one. */
function numberIn({ settings, folder }: Checkpoint, field: string): number | undefined {
  const value = own(settings, field);
  if (value === undefined || value === null) return undefined;
  const number: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw refuse(folder.pathOf("config.json"), `${hasAs(value, field)}; expected a finite number.`, {
    field,
  });
}

function checkDeviation({ folder }: Checkpoint, field: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw refuse(folder.path, `has ${value} as ${field} of its rewards; expected a number above 0.`, { field });
}
