/** The checksums that a conversion leaves in the GGUF: of all that it read, and of the trunk. */
import { createHash } from "node:crypto";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { TensorJob } from "./plan.ts";

/** SHA-256 of each tensor's bytes in the checkpoint, by its name there. */
type TensorDigests = ReadonlyMap<string, string>;

/** See STARLING_KEYS.sourceSha256 for what it covers. */
export function sourceDigest(checkpoint: Checkpoint, tensorDigests: TensorDigests): string {
  const lines = checkpoint.sources.map(({ name, bytes }) => [name, createHash("sha256").update(bytes).digest("hex")]);
  for (const [name, digest] of tensorDigests) {
    const tensor = checkpoint.tensors.get(name);
    lines.push([`tensor ${name} ${tensor?.dtype} [${tensor?.shape.join(", ")}]`, digest]);
  }
  return digestOfLines(lines.map(([name, digest]) => `${digest} ${name}`).sort(byName));
}

/**
 * The fingerprint of a model without its head; see STARLING_KEYS.trunkSha256. It is the SHA-256 of these lines:
 * - for each tensor that the checkpoint stores, "DIGEST NAME DTYPE SHAPE\n", sorted by NAME. NAME is that in the GGUF, which
 *   does not depend on prefixes; DIGEST, DTYPE and SHAPE are the checkpoint's.
 * - the settings in config.json that change what the tensors compute, as one line of JSON. Divisors of rotary frequencies
 *   follow from them.
 */
export function trunkDigest({ config }: Checkpoint, jobs: readonly TensorJob[], tensorDigests: TensorDigests): string {
  const lines = jobs
    .filter(({ source }) => source.bytes === undefined)
    .map(({ name, source: { name: sourceName, dtype, shape } }) => {
      const digest = tensorDigests.get(sourceName);
      if (digest === undefined) throw new RangeError(`The tensor ${sourceName} has no digest.`);
      return `${digest} ${name} ${dtype} [${shape.join(", ")}]`;
    });
  const { trunk, heads, keyValueHeads, headDim, rmsNormEpsilon, ropeTheta, ropeScaling } = config;
  // As float32, like in the GGUF.
  const numbers = [Math.fround(rmsNormEpsilon), Math.fround(ropeTheta)];
  const scaling = ropeScaling && [
    ropeScaling.factor,
    ropeScaling.lowFrequencyFactor,
    ropeScaling.highFrequencyFactor,
    ropeScaling.originalContext,
  ];
  // Other graphs compute something else with tensors of the same names.
  const others = trunk.architecture === "llama" ? [] : [trunk.architecture, config.numbers];
  const settings = JSON.stringify([heads, keyValueHeads, headDim, ...numbers, scaling ?? null, ...others]);
  return digestOfLines([...lines.sort(byName), settings]);
}

/** The digest in front has one length. */
function byName(a: string, b: string): number {
  return a.slice(DIGEST_CHARACTERS) < b.slice(DIGEST_CHARACTERS) ? -1 : 1;
}

const DIGEST_CHARACTERS = 64;

function digestOfLines(lines: readonly string[]): string {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest("hex");
}
