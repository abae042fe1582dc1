/**
 * OpenAssistant/oasst1 and oasst2: trees of messages, nested ("*.trees.jsonl.gz") or flat ("*.messages.jsonl.gz" and parquet).
 * The assistant's replies to one message have ranks, 0 for the best. Source: the data sets' cards and LAION-AI/Open-Assistant
 * (oasst-data/oasst_data/schemas.py).
 */
import type { Fields } from "../../../prompt/input-fields.ts";
import type { ChatMessage } from "../../../prompt/messages.ts";
import type { CaseResponse, PromptCase } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  conversationOf,
  fieldsOf,
  listOf,
  objectOf,
  textOf,
  wrong,
} from "../adapter.ts";
import { compared } from "../compared.ts";
import { labelNumber } from "../labels.ts";
import type { GatheredRow, Gatherer, Layout } from "../layout.ts";
import { gradeOf } from "./verdicts.ts";

const COMPARED = "each of the assistant's replies to a message over those of a worse rank";
const NONE = "no two ranked replies";

export const oasstTrees: Layout = {
  name: "oasst-trees",
  title: "OASST message trees",
  columns: { message_tree_id: "text", prompt: "object" },
  recognises: ({ values }) =>
    (values.get("prompt") ?? []).some((value) => typeof value === "object" && value !== null && "replies" in value),
  compared: COMPARED,
  adapt(row, options: AdaptOptions = {}) {
    const tree = fieldsOf(row);
    const cases: PromptCase[] = [];
    walk(objectOf(tree, "prompt"), "prompt", [], cases, options);
    return cases.length === 0 ? { omitted: NONE } : { cases };
  },
};

/** Deeper than any conversation; it bounds the call stack. */
const MAX_DEPTH = 500;

function walk(
  node: Fields,
  where: string,
  before: readonly ChatMessage[],
  cases: PromptCase[],
  options: AdaptOptions,
): void {
  if (before.length > MAX_DEPTH) throw wrong(`at most ${MAX_DEPTH} messages in a conversation`, where, node);
  const context = [...before, messageOf(node, where)];
  if (node["replies"] === undefined || node["replies"] === null) return;
  const replies = listOf(node, "replies").map((reply, i) => fieldsOf(reply, `${where}.replies[${i}]`));
  const adapted = caseOf(context, replies, (i) => `${where}.replies[${i}]`, options);
  if (adapted !== undefined && "case" in adapted) cases.push(adapted.case);
  for (const [i, reply] of replies.entries()) walk(reply, `${where}.replies[${i}]`, context, cases, options);
}

function messageOf(node: Fields, where: string): ChatMessage {
  const role = node["role"];
  if (role !== "prompter" && role !== "assistant") throw wrong('"prompter" or "assistant"', `${where}.role`, role);
  return { role: role === "prompter" ? "user" : "assistant", content: textOf(node, "text", `${where}.text`) };
}

/** Undefined if the replies are not the assistant's, or fewer than two of them have a rank. */
function caseOf(
  context: readonly ChatMessage[],
  replies: readonly Fields[],
  whereOf: (reply: number) => string,
  options: AdaptOptions,
): Adapted | undefined {
  if (context.at(-1)?.role !== "user") return undefined;
  const responses = replies.flatMap((reply, i): CaseResponse[] => {
    const where = whereOf(i);
    const grade = gradeOf(reply["rank"], `${where}.rank`, true);
    if (grade === undefined || labelNumber(reply["deleted"]) === 1) return [];
    const turns = [...context, messageOf(reply, where)];
    return [{ item: conversationOf({ [where]: turns }, where, options), grade }];
  });
  return responses.length < 2 ? undefined : compared(responses, options);
}

interface Node extends GatheredRow {
  readonly fields: Fields;
  readonly isRanked: boolean;
}

/** Messages of all trees are kept until the last was read. OASST has 161,443. */
const MAX_MESSAGES = 2_000_000;

class MessageTable implements Gatherer {
  readonly #nodes = new Map<string, Node>();
  readonly #replies = new Map<string, Node[]>();

  add(row: unknown, _: AdaptOptions, place: GatheredRow): void {
    const fields = fieldsOf(row);
    if (this.#nodes.size >= MAX_MESSAGES) throw wrong(`at most ${MAX_MESSAGES} messages`, "message_id", undefined);
    messageOf(fields, "row");
    const isRanked = gradeOf(fields["rank"], "rank", true) !== undefined;
    const [id, parent] = [textOf(fields, "message_id"), fields["parent_id"]];
    if (this.#nodes.has(id)) throw wrong("an id of its own", "message_id", id);
    const node = { ...place, fields, isRanked };
    this.#nodes.set(id, node);
    if (typeof parent !== "string" || parent === "") return;
    const list = this.#replies.get(parent) ?? [];
    this.#replies.set(parent, list);
    list.push(node);
  }

  *cases(options: AdaptOptions): Generator<GatheredRow & { readonly adapted: Adapted }> {
    for (const [id, { fields, isRanked, ...place }] of this.#nodes) {
      const own = this.#replies.get(id) ?? [];
      if (fields["role"] !== "prompter" || own.length === 0) {
        const isReply = isRanked && fields["role"] === "assistant";
        if (!isReply) yield { ...place, adapted: { omitted: "not ranked" } };
        continue;
      }
      const context = this.#contextOf(id);
      const adapted =
        context === undefined
          ? { omitted: "its parent is missing" }
          : caseOf(
              context,
              own.map((node) => node.fields),
              (i) => `reply ${i + 1}`,
              options,
            );
      const first = own.find((node) => node.isRanked) ?? own[0];
      const { row, where, value } = adapted !== undefined && "case" in adapted ? (first as Node) : place;
      yield { row, where, value, adapted: adapted ?? { omitted: NONE } };
    }
  }

  /** From the tree's root to a message. */
  #contextOf(id: string): readonly ChatMessage[] | undefined {
    const messages: ChatMessage[] = [];
    for (let node = this.#nodes.get(id); ; ) {
      if (node === undefined || messages.length > MAX_DEPTH) return undefined;
      messages.unshift(messageOf(node.fields, "row"));
      const parent = node.fields["parent_id"];
      if (typeof parent !== "string" || parent === "") return messages;
      node = this.#nodes.get(parent);
    }
  }
}

export const oasstMessages: Layout = {
  name: "oasst-messages",
  title: "OASST messages",
  columns: { message_id: "text", parent_id: "any", role: "text", text: "text", rank: "any" },
  compared: COMPARED,
  gather: () => new MessageTable(),
};
