/** What follows from the state. */
import { itemOf } from "./items.ts";
import { type Ranked, rank } from "./ranking.ts";
import type { State } from "./store.ts";
import { type Item, isScore, OWN_HEAD, type Reply, scoreBy } from "./types.ts";

/** By one head, best first: the responses that have a score. */
export function rankedReplies(state: State, head: string = OWN_HEAD): Ranked<Reply>[] {
  const { replies, outcomes, reference } = state;
  const scored = replies.flatMap((entry) => {
    const outcome = outcomes.get(entry.id);
    const score = isScore(outcome) ? scoreBy(outcome, head) : undefined;
    return score === undefined ? [] : [{ entry, score }];
  });
  return rank(
    scored,
    replies.find(({ id }) => id === reference),
    state.model?.direction,
  );
}

/** What is scored of a response or a whole text; undefined where there is nothing to score yet. */
export function itemOfReply({ mode, turns }: State, { text }: Reply): Item | undefined {
  if (mode === "chat") return itemOf(turns, text);
  return text === "" ? undefined : { text };
}

/** The response whose tokens are shown: the chosen one, else the best. */
export function shownReply(state: State): Reply | undefined {
  return state.replies.find(({ id }) => id === state.selected) ?? rankedReplies(state)[0]?.entry;
}

/** As people call it: by its place in the list. */
export function numberOf({ replies }: State, { id }: Reply): number {
  return replies.findIndex((reply) => reply.id === id) + 1;
}

export function nameOfReply(state: State, reply: Reply): string {
  return `${state.mode === "text" ? "Text" : "Response"} ${numberOf(state, reply)}`;
}
