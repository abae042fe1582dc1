/**
 * Changes of what a model's file means: its metadata, and the shapes, types, names and data of its tensors. Most fit the rest
 * of the file, so that what comes behind the first check is reached.
 */
import { pick, type Random } from "../../unit/fuzz/byte-mutations.ts";
import { metadataMutations } from "./metadata-mutations.ts";
import { copySample, type Mutation, type Sample, writeSample } from "./sample.ts";
import { sizeMutations } from "./size-mutations.ts";
import { tensorMutations } from "./tensor-mutations.ts";

/** Each as often as its weight. */
const bag = [...metadataMutations, ...sizeMutations, ...tensorMutations].flatMap(([weight, mutation]) =>
  new Array<Mutation>(weight).fill(mutation),
);

export interface MutatedModel {
  readonly bytes: Buffer;
  /** For people: which sample, and what was changed. */
  readonly what: string;
  /** The names of the mutations. */
  readonly kinds: readonly string[];
}

export function mutateModel(samples: readonly Sample[], random: Random): MutatedModel {
  const sample = copySample(pick(random, samples));
  const kinds: string[] = [];
  const parts: string[] = [];
  for (let count = random(3) === 0 ? 2 + random(2) : 1; count > 0; count--) {
    const mutation = pick(random, bag);
    kinds.push(mutation.name);
    parts.push(mutation(sample, random));
  }
  return { bytes: writeSample(sample), what: `${sample.name}: ${parts.join("; ")}`, kinds };
}
