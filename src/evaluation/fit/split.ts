/** Splits cases into training and evaluation parts, by prompt. */
import { createHash } from "node:crypto";
import type { FitCase } from "./fit-data.ts";
import { TimeSlice } from "./time-slice.ts";

/**
 * Groups cases by prompt and shuffles the groups. A group's sort key is a hash of seed and prompt, so the order depends neither
 * on the order of the cases nor on the other groups.
 */
export async function shuffledGroups(
  cases: readonly FitCase[],
  seed: number,
  slice: TimeSlice = new TimeSlice(),
): Promise<FitCase[][]> {
  const groups = new Map<string, FitCase[]>();
  for (const one of cases) {
    const group = groups.get(one.group);
    if (group === undefined) groups.set(one.group, [one]);
    else group.push(one);
  }
  const keyed: { readonly key: string; readonly members: FitCase[] }[] = [];
  for (const [group, members] of groups) {
    keyed.push({ key: createHash("sha256").update(`${seed}\n${group}`).digest("hex"), members });
    if (slice.isOver) await slice.yieldToEventLoop();
  }
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ members }) => members);
}

export interface Split {
  /** By prompt. */
  readonly training: readonly FitCase[][];
  readonly heldOut: readonly FitCase[];
}

/**
 * Holds out a fraction of the prompts: at least one if there are several, and never all.
 *
 * @param part fraction of the prompts, 0 to below 1
 */
export async function holdOut(
  cases: readonly FitCase[],
  part: number,
  seed: number,
  slice?: TimeSlice,
): Promise<Split> {
  const groups = await shuffledGroups(cases, seed, slice);
  const wanted = part === 0 ? 0 : Math.max(1, Math.round(part * groups.length));
  const count = Math.max(0, Math.min(wanted, groups.length - 1));
  return { heldOut: joined(groups.slice(0, count)), training: groups.slice(count) };
}

/** A part of the cases, and the rest, whose fit it judges. */
export interface Fold {
  readonly training: readonly FitCase[];
  readonly judged: readonly FitCase[];
}

/** Cross-validation folds with about equal numbers of groups. */
export function foldsOf(groups: readonly FitCase[][], count: number): Fold[] {
  return Array.from({ length: count }, (_, fold) => ({
    training: joined(groups.filter((_, i) => i % count !== fold)),
    judged: joined(groups.filter((_, i) => i % count === fold)),
  }));
}

/** Array.flat() takes ten times as long for many short lists. */
export function joined(groups: readonly (readonly FitCase[])[]): FitCase[] {
  const all: FitCase[] = [];
  for (const group of groups) for (const one of group) all.push(one);
  return all;
}

/** Names a group for every case (union-find): cases that share any prompt get the same name. */
export function joinByPrompt(prompts: readonly (readonly string[])[]): string[] {
  const parent = new Map<string, string>();
  const root = (name: string): string => {
    let top = name;
    for (let next = parent.get(top); next !== undefined && next !== top; next = parent.get(top)) top = next;
    // Path compression.
    for (let at = name; at !== top; ) {
      const next = parent.get(at) as string;
      parent.set(at, top);
      at = next;
    }
    return top;
  };
  for (const names of prompts) {
    for (const name of names) {
      const [a, b] = [root(names[0] as string), root(name)];
      // The smaller name wins, so the result does not depend on the order of the cases.
      if (a !== b) parent.set(a < b ? b : a, a < b ? a : b);
    }
  }
  return prompts.map((names) => root(names[0] as string));
}
