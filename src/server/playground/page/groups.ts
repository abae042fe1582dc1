/** The entries of a file by prompt. */
import type { ScoreDirection } from "../../../reward-head.ts";
import { groupKey } from "./items.ts";
import { type Ranked, rank } from "./ranking.ts";
import { type FileEntry, type FileState, isScore, type Outcome, OWN_HEAD, scoreBy } from "./types.ts";

export interface GroupEntry extends FileEntry {
  readonly outcome: Outcome | undefined;
}

/** Responses to one prompt; or all whole texts. */
export interface Group {
  readonly isText: boolean;
  readonly entries: readonly GroupEntry[];
  /** By head, best first. */
  readonly byHead: ReadonlyMap<string, readonly Ranked<GroupEntry>[]>;
  readonly failed: readonly { readonly entry: GroupEntry; readonly message: string }[];
}

export const orders = [
  ["file", "as in the file"],
  ["clear", "clearest first"],
  ["close", "closest first"],
] as const;
export type Order = (typeof orders)[number][0];

/** By entries: they stay while scores come. */
const keys = new WeakMap<readonly FileEntry[], readonly (readonly number[])[]>();

/** In the order in which prompts come first. */
export function groupsOf({ entries, outcomes }: FileState, direction?: ScoreDirection): Group[] {
  const places = keys.get(entries) ?? placesOf(entries);
  keys.set(entries, places);
  return places.map((indices) => {
    const own = indices.map((i) => ({ ...(entries[i] as FileEntry), outcome: outcomes.get(i) }));
    const heads = new Set([OWN_HEAD]);
    for (const { outcome } of own)
      if (isScore(outcome)) for (const head of Object.keys(outcome.headScores ?? {})) heads.add(head);
    const byHead = new Map([...heads].map((head) => [head, rank(scoredBy(own, head), undefined, direction)]));
    const failed = own.flatMap((entry) =>
      entry.outcome !== undefined && !isScore(entry.outcome) ? [{ entry, message: entry.outcome.error }] : [],
    );
    return { isText: own[0] !== undefined && "text" in own[0].item, entries: own, byHead, failed };
  });
}

function scoredBy(entries: readonly GroupEntry[], head: string): { entry: GroupEntry; score: number }[] {
  return entries.flatMap((entry) => {
    const score = isScore(entry.outcome) ? scoreBy(entry.outcome, head) : undefined;
    return score === undefined ? [] : [{ entry, score }];
  });
}

function placesOf(entries: readonly FileEntry[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [i, { item }] of entries.entries()) {
    const key = groupKey(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  return [...groups.values()];
}

/** How far the best is ahead of the second; groups with nothing to compare come last. */
function leadOf({ byHead }: Group): number | undefined {
  const [best, second] = byHead.get(OWN_HEAD) ?? [];
  return best === undefined || second === undefined ? undefined : Math.abs(best.score - second.score);
}

export function ordered(groups: readonly Group[], order: Order): readonly Group[] {
  if (order === "file") return groups;
  const sign = order === "close" ? 1 : -1;
  const leads = groups.map((group) => ({ group, lead: leadOf(group) }));
  leads.sort((a, b) =>
    a.lead === undefined || b.lead === undefined
      ? Number(a.lead === undefined) - Number(b.lead === undefined)
      : sign * (a.lead - b.lead),
  );
  return leads.map(({ group }) => group);
}
