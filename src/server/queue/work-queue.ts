/**
 * What waits, and what is scored next. The unit is one item, whatever request it came with. In its turn (fair-share.ts) an item
 * takes along those that begin as it does, whoever asked for them: the scoring process computes what they share once. Pure: no
 * clock, no timers, no input or output.
 */
import type { CheckedItem } from "../../prompt/items.ts";
import { FairShare } from "./fair-share.ts";
import { bytesOf, charactersOf, partsOf, sharedCharacters, type TextParts } from "./item-text.ts";
import { SortedTexts } from "./sorted-texts.ts";
import { TokenEstimate } from "./token-estimate.ts";
import { Window } from "./window.ts";

/** One item in the queue. */
export interface QueueEntry<T> {
  readonly client: string;
  readonly connection: string;
  /** In the order of arrival. */
  readonly number: number;
  readonly parts: TextParts;
  readonly characters: number;
  readonly bytes: number;
  /** Of the whole text, estimated. */
  readonly tokens: number;
  readonly payload: T;
}

export interface QueueRequest<T> {
  readonly client: string;
  readonly connection: string;
  readonly items: readonly { readonly item: CheckedItem; readonly payload: T }[];
}

export interface QueueLimits {
  readonly maxItems: number;
  readonly maxTokens: number;
}

/** Tokens in common below which it makes no difference who is beside whom. */
const MIN_SHARED_TOKENS = 16;
/**
 * A beginning stays the one that is worked on until this many times its own tokens were served: then beginning anew costs
 * little, and others of the client have waited long enough.
 */
const MAX_TURN = 4;
/** Neighbours of other clients that are passed over before the search ends. */
const MAX_PASSED = 64;
/**
 * The scoring process leaves a text to the sequence that has its beginning, where that is so many tokens and such a part of it
 * (native/planning/worker_scheduler.cpp; a little less of both, because tokens are estimated).
 */
const WAITING = { tokens: 6, part: 0.2 };
/** As many are taken out of a list one by one; of more, the list is written anew. */
const FEW = 8;

/** The beginning that is worked on. */
interface Turn<T> {
  readonly anchor: QueueEntry<T>;
  served: number;
}

/** What is meant for one of the sequences that are evaluated at the same time. Which one takes it is not decided here. */
interface Lane<T> {
  turn: Turn<T> | undefined;
  items: number;
  tokens: number;
}

interface Charge<T> {
  readonly cost: number;
  readonly lane: Lane<T>;
}

export class WorkQueue<T> {
  readonly window = new Window();
  readonly estimate = new TokenEstimate();
  readonly #limits: QueueLimits;
  readonly #waiting = new Set<QueueEntry<T>>();
  readonly #sorted = new SortedTexts<QueueEntry<T>>();
  readonly #share = new FairShare<QueueEntry<T>>();
  /** What is in flight. */
  readonly #charges = new Map<QueueEntry<T>, Charge<T>>();
  #lanes: readonly Lane<T>[] = [];
  #tokens = 0;
  #number = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Waiting items, and their tokens, estimated. */
  get waiting(): { readonly items: number; readonly tokens: number } {
    return { items: this.#waiting.size, tokens: this.#tokens };
  }

  /** Whether a request is refused. One that comes to a queue with room is taken whole. */
  get isFull(): boolean {
    return this.#waiting.size >= this.#limits.maxItems || this.#tokens >= this.#limits.maxTokens;
  }

  add({ client, connection, items }: QueueRequest<T>): readonly QueueEntry<T>[] {
    const entries = items.map(({ item, payload }) => {
      const parts = partsOf(item);
      const bytes = bytesOf(parts);
      const tokens = this.estimate.tokensOf(bytes);
      this.#number += 1;
      const characters = charactersOf(parts);
      return { client, connection, number: this.#number, parts, characters, bytes, tokens, payload };
    });
    for (const entry of entries) {
      this.#waiting.add(entry);
      this.#share.add(entry);
      this.#tokens += entry.tokens;
    }
    this.#sorted.add(entries);
    return entries;
  }

  /**
   * Takes back what waits; what is in flight is the caller's to cancel and to finish.
   *
   * @returns what was taken back
   */
  cancel(entries: readonly QueueEntry<T>[]): readonly QueueEntry<T>[] {
    const waiting = entries.filter((entry) => this.#waiting.has(entry));
    this.#forget(waiting);
    for (const entry of waiting) this.#leave(entry, 0);
    return waiting;
  }

  /** Everything that waits, in the order of arrival. */
  all(): readonly QueueEntry<T>[] {
    return [...this.#waiting];
  }

  /** What is to be scored now: an item and those that begin alike; empty where nothing waits, or there is no room. */
  take(now: number): readonly QueueEntry<T>[] {
    const client = this.#share.nextClient();
    const lane = this.#emptiest();
    const room = this.window.roomOf(lane);
    if (client === undefined || room <= 0) return [];
    const first = this.#continued(client, lane.turn) ?? this.#apart(client, lane) ?? this.#share.nextOf(client);
    if (first === undefined) return [];
    this.#share.choose(first);
    const cost = costOfFirst(first, lane.turn);
    const along = this.#neighboursOf(first, room - cost);
    if (lane.turn === undefined || cost === first.tokens) lane.turn = { anchor: first, served: 0 };
    else lane.turn.served += cost;
    const taken = [{ entry: first, cost }, ...along];
    for (const { cost: tokens } of along) lane.turn.served += tokens;
    this.#forget(taken.map(({ entry }) => entry));
    for (const { entry, cost: tokens } of taken) {
      this.#leave(entry, tokens);
      this.#charges.set(entry, { cost: tokens, lane });
      lane.items += 1;
      lane.tokens += tokens;
      this.window.start(tokens, now);
    }
    return taken.map(({ entry }) => entry);
  }

  /** What was taken is done, cancelled or lost. @param tokenCount of a text that was scored whole */
  finish(entry: QueueEntry<T>, now: number, isDone: boolean, tokenCount?: number): void {
    const charge = this.#charges.get(entry);
    if (charge === undefined) return;
    const { cost, lane } = charge;
    this.#charges.delete(entry);
    lane.items -= 1;
    lane.tokens -= cost;
    this.window.finish(cost, now, isDone);
    if (tokenCount !== undefined) this.estimate.learn(entry.bytes, tokenCount);
  }

  #emptiest(): Lane<T> {
    const { lanes } = this.window.limits;
    // What is in flight stays with the lane that it was charged to.
    if (this.#lanes.length !== lanes)
      this.#lanes = Array.from({ length: lanes }, (_, i) => this.#lanes[i] ?? { turn: undefined, items: 0, tokens: 0 });
    return this.#lanes.reduce((least, lane) => (lane.tokens < least.tokens ? lane : least));
  }

  /** Of this client, the first that begins otherwise than what other lanes work on: they would compute its beginning twice. */
  #apart(client: string, lane: Lane<T>): QueueEntry<T> | undefined {
    const others = this.#lanes.flatMap(({ turn, items }, i) =>
      turn !== undefined && items > 0 && this.#lanes[i] !== lane ? [turn.anchor] : [],
    );
    if (others.length === 0) return undefined;
    const next = this.#share.nextOf(client);
    const isApart = (entry: QueueEntry<T>) => others.every((other) => !wouldWait(entry, other));
    if (next === undefined || isApart(next)) return next;
    let passed = 0;
    for (const entry of this.#waiting) {
      if (entry.client === client && isApart(entry)) return entry;
      passed += 1;
      if (passed > MAX_PASSED) return undefined;
    }
    return undefined;
  }

  /** @param room tokens, beside the first */
  #neighboursOf(first: QueueEntry<T>, room: number): { entry: QueueEntry<T>; cost: number }[] {
    const along: { entry: QueueEntry<T>; cost: number }[] = [];
    let spent = 0;
    let passed = 0;
    for (const { entry, shared } of this.#sorted.neighbours(first)) {
      const common = tokensIn(entry, shared);
      if (common < MIN_SHARED_TOKENS || passed > MAX_PASSED || along.length >= this.window.roomItems) break;
      const cost = Math.max(1, entry.tokens - common);
      // For others than the one whose turn it is, only where it saves more than it takes.
      if (entry.client !== first.client && cost > common) {
        passed += 1;
        continue;
      }
      // Also beyond the room, as much as beginning anew would cost later.
      if (spent + cost > Math.max(room, common)) break;
      along.push({ entry, cost });
      spent += cost;
    }
    return along;
  }

  /** Of this client, what begins as what was taken last. */
  #continued(client: string, turn: Turn<T> | undefined): QueueEntry<T> | undefined {
    if (turn === undefined) return undefined;
    let passed = 0;
    for (const { entry, shared } of this.#sorted.neighbours(turn.anchor)) {
      const common = tokensIn(entry, shared);
      passed += 1;
      if (common < MIN_SHARED_TOKENS || passed > MAX_PASSED || turn.served > MAX_TURN * common) return undefined;
      if (entry.client === client) return entry;
    }
    return undefined;
  }

  #forget(entries: readonly QueueEntry<T>[]): void {
    if (entries.length > FEW) this.#sorted.removeAll(new Set(entries));
    else for (const entry of entries) this.#sorted.remove(entry);
  }

  #leave(entry: QueueEntry<T>, cost: number): void {
    this.#waiting.delete(entry);
    this.#share.remove(entry, cost);
    this.#tokens -= entry.tokens;
  }
}

/** What is evaluated of it where `turn` is worked on. */
function costOfFirst<T>(first: QueueEntry<T>, turn: Turn<T> | undefined): number {
  if (turn === undefined || !beginsAs(first, turn.anchor)) return first.tokens;
  return Math.max(1, first.tokens - tokensIn(first, sharedCharacters(turn.anchor.parts, first.parts)));
}

function beginsAs<T>(entry: QueueEntry<T>, other: QueueEntry<T>): boolean {
  return tokensIn(entry, sharedCharacters(other.parts, entry.parts)) >= MIN_SHARED_TOKENS;
}

/** Whether it would wait for the sequence that evaluates `other`. */
function wouldWait<T>(entry: QueueEntry<T>, other: QueueEntry<T>): boolean {
  const common = tokensIn(entry, sharedCharacters(other.parts, entry.parts));
  return common >= WAITING.tokens && common >= WAITING.part * entry.tokens;
}

/** Tokens of the first characters of a text. */
function tokensIn<T>(entry: QueueEntry<T>, characters: number): number {
  return entry.characters === 0 ? 0 : Math.floor((entry.tokens * characters) / entry.characters);
}
