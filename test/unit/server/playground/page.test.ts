/** What the page works out by itself. */
import { describe, expect, it } from "vitest";
import { type Cell, cellsOf, nameOf, strengths } from "../../../../src/server/playground/page/cells.ts";
import { csv, jsonLines, rowsOf } from "../../../../src/server/playground/page/export.ts";
import { groupsOf, ordered } from "../../../../src/server/playground/page/groups.ts";
import { itemOf } from "../../../../src/server/playground/page/items.ts";
import { parsePasted } from "../../../../src/server/playground/page/paste.ts";
import {
  along,
  percent,
  preference,
  rank,
  scaleOf,
  shown,
  signed,
  tickText,
} from "../../../../src/server/playground/page/ranking.ts";
import type { FileState, Item, Outcome } from "../../../../src/server/playground/page/types.ts";

const cells = (pieces: readonly string[], tokenization = "fast-4.41"): Cell[] =>
  cellsOf({ start: 0, ids: pieces.map((_, i) => 100 + i), pieces, rewards: pieces.map((_, i) => i * i) }, tokenization);

describe("tokens as text", () => {
  it("of SentencePiece: spaces, characters of several bytes, special tokens", () => {
    const found = cells(["▁Caf", "é", "▁▁", "<0xF0>", "<0x9F>", "<0xA5>", "<0x90>", "<0x0A>", "<|im_end|>"]);
    expect(found.map(({ text }) => text)).toEqual([" Caf", "é", "  ", "🥐", "\n", "<|im_end|>"]);
    expect(found.map(({ isSpecial }) => isSpecial)).toEqual([false, false, false, false, false, true]);
    expect(found[3]).toMatchObject({ ids: [103, 104, 105, 106], place: 4, reward: 36, change: 36 - 4 });
    expect(found[4]).toMatchObject({ place: 8, reward: 49, change: 49 - 36 });
    expect(found[0]?.change).toBeUndefined();
  });

  it("of a byte-level BPE", () => {
    const found = cells(["ĠHello", "Ċ", "ðŁ", "¥", "Ĳ", "<|end_of_text|>"], "byte-bpe");
    expect(found.map(({ text }) => text)).toEqual([" Hello", "\n", "🥐", "<|end_of_text|>"]);
  });

  it("shows bytes that are no text as numbers, and loses none", () => {
    expect(cells(["<0xF0>", "<0x9F>", "a"]).map(({ text }) => text)).toEqual(["F0 9F", "a"]);
    expect(cells(["<0xFF>", "<0x41>"]).map(({ text }) => text)).toEqual(["FF", "A"]);
    expect(cells(["a", "<0xF0>"]).map(({ text, ids }) => [text, ids])).toEqual([
      ["a", [100]],
      ["F0", [101]],
    ]);
  });

  it("says in words what cannot be seen, and how strong a change is", () => {
    expect(cells(["▁", "<0x0A>", "▁a", ""]).map(nameOf)).toEqual(["a space", "a line break", "“a”", "no text"]);
    const found = cellsOf(
      { start: 0, ids: [1, 2, 3, 4], pieces: ["a", "b", "c", "d"], rewards: [0, 2, -2, -2] },
      undefined,
    );
    expect(strengths(found)).toEqual([0, 2, -4, 0]);
    expect(strengths([])).toEqual([]);
  });
});

describe("rankings", () => {
  it("are best first, ties share a place, and differences are from the best or from a chosen one", () => {
    const scored = [
      { entry: "a", score: 1 },
      { entry: "b", score: 3 },
      { entry: "c", score: 1 },
      { entry: "d", score: -2 },
    ];
    expect(rank(scored).map(({ entry, place, difference }) => [entry, place, difference])).toEqual([
      ["b", 1, 0],
      ["a", 2, -2],
      ["c", 2, -2],
      ["d", 4, -5],
    ]);
    expect(rank(scored, "c").map(({ difference }) => difference)).toEqual([2, 0, 0, -3]);
    expect(rank([])).toEqual([]);
  });

  it("say what a difference means", () => {
    expect(percent(preference(1))).toBe("73 %");
    expect(percent(preference(0))).toBe("50 %");
    expect(percent(preference(-40))).toBe("under 1 %");
    expect(percent(preference(40))).toBe("over 99 %");
    expect([shown(-1.23456), shown(0.0001), shown(-0.0001), signed(0.5), signed(-0.5)]).toEqual([
      "−1.235",
      "0.000",
      "0.000",
      "+0.500",
      "−0.500",
    ]);
  });

  it("have a scale that exaggerates nothing, with round marks inside", () => {
    const small = scaleOf([0.01, 0.02]);
    expect(along(small, 0.02)).toBe(1);
    expect(along(small, 0.01)).toBeGreaterThan(0.95);
    for (const scores of [[-3.2, 5.1], [1e-9, 0], [-1000, 2000], [7]]) {
      const scale = scaleOf(scores);
      expect(scale.ticks.length).toBeGreaterThan(0);
      expect(scale.ticks.length).toBeLessThan(8);
      for (const tick of scale.ticks) {
        expect(tick).toBeGreaterThanOrEqual(scale.from);
        expect(tick).toBeLessThanOrEqual(scale.to);
      }
      expect(along(scale, Math.min(...scores))).toBeGreaterThan(0.05);
    }
    expect(tickText(-0.5)).toBe("−0.5");
  });
});

describe("what is pasted", () => {
  it("is taken apart if it is a conversation, a row, or a list of texts", () => {
    const turns = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
      { role: "user", content: "Bye" },
    ];
    const asked = turns.map(({ role, content }) => ({ role, text: content }));
    expect(parsePasted(JSON.stringify(turns))).toEqual({ turns: asked });
    expect(parsePasted(JSON.stringify(turns.slice(0, 2)))).toEqual({ turns: asked.slice(0, 1), responses: ["Hello"] });
    expect(parsePasted(JSON.stringify({ messages: turns, responses: ["a", "b"], system: "Be kind" }))).toEqual({
      turns: [{ role: "system", text: "Be kind" }, ...asked],
      responses: ["a", "b"],
    });
    expect(parsePasted('{"prompt":"2+2?","response":"4"}')).toEqual({
      turns: [{ role: "user", text: "2+2?" }],
      responses: ["4"],
    });
    expect(parsePasted('[{"from":"human","value":"Hi"}]')).toEqual({ turns: [{ role: "user", text: "Hi" }] });
    expect(parsePasted('["a","b"]')).toEqual({ responses: ["a", "b"] });
  });

  it.each(["Hi", "{not json", "[1, 2]", "{}", '{"a":1}', "[]", "null", '[{"role":"tool","content":"x"}]', "[[]]"])(
    "stays as it is otherwise: %s",
    (text) => {
      expect(parsePasted(text)).toBeUndefined();
    },
  );
});

const scored = (score: number, more: object = {}): Outcome => ({ score, tokenCount: 5, truncated: false, ...more });

describe("exports", () => {
  const system = { role: "system" as const, content: "Be brief" };
  const user = { role: "user" as const, content: 'Say "hi",\nplease' };
  const items: readonly Item[] = [
    { prompt: user.content, response: "=hi" },
    { prompt: user.content, response: "ho" },
    { messages: [system, user, { role: "assistant", content: "hey" }] },
    { text: "whole" },
  ];
  const rows = rowsOf([
    items.map((item, i) => ({ item, outcome: i === 3 ? { error: "It is empty." } : scored(i), where: `line ${i}` })),
  ]);

  it("have the texts as they are, scores and ranks", () => {
    expect(rows).toEqual([
      { prompt: user.content, response: "=hi", where: "line 0", score: 0, rank: 3, tokenCount: 5, truncated: false },
      { prompt: user.content, response: "ho", where: "line 1", score: 1, rank: 2, tokenCount: 5, truncated: false },
      { prompt: [system, user], response: "hey", where: "line 2", score: 2, rank: 1, tokenCount: 5, truncated: false },
      { text: "whole", where: "line 3", error: "It is empty." },
    ]);
    expect(
      jsonLines(rows)
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    ).toEqual(rows);
  });

  it("are CSV with lists as JSON", () => {
    const text = csv(rows.slice(0, 1));
    expect(text).toBe(
      'prompt,response,where,score,rank,tokenCount,truncated\n"Say ""hi"",\nplease",=hi,line 0,0,3,5,false\n',
    );
  });
});

it("groups what a file has by prompt, and orders by how clear the best is", () => {
  const items: readonly Item[] = [
    { prompt: "a", response: "1" },
    { prompt: "b", response: "1" },
    { prompt: "a", response: "2" },
    {
      messages: [
        { role: "user", content: "b" },
        { role: "assistant", content: "2" },
      ],
    },
    { prompt: "c", response: "1" },
    { prompt: "a", response: "3" },
  ];
  const outcomes = new Map<number, Outcome>([
    [0, scored(1, { headScores: { model: 1, other: 9 } })],
    [1, scored(0)],
    [2, scored(1.5, { headScores: { model: 1.5, other: 3 } })],
    [3, scored(5)],
    [4, scored(1)],
    [5, { error: "no" }],
  ]);
  const file: FileState = {
    ...{ name: "f", status: "done", problems: [], notices: [], outcomes },
    entries: items.map((item, i) => ({ item, where: `line ${i + 1}` })),
  };
  const groups = groupsOf(file);
  expect(groups.map(({ entries }) => entries.map(({ where }) => where))).toEqual([
    ["line 1", "line 3", "line 6"],
    ["line 2", "line 4"],
    ["line 5"],
  ]);
  expect(groups[0]?.failed.map(({ message }) => message)).toEqual(["no"]);
  const best = (head: string) => groups[0]?.byHead.get(head)?.map(({ entry }) => entry.where);
  expect(best("model")).toEqual(["line 3", "line 1"]);
  expect(best("other")).toEqual(["line 1", "line 3"]);
  const first = (order: "clear" | "close") => ordered(groups, order).map(({ entries }) => entries[0]?.where);
  expect(first("clear")).toEqual(["line 2", "line 1", "line 5"]);
  expect(first("close")).toEqual(["line 1", "line 2", "line 5"]);
});

it("makes the item that a response is, or none while something is missing", () => {
  const user = { id: 1, role: "user" as const, text: "Hi" };
  expect(itemOf([user], "Hello")).toEqual({ prompt: "Hi", response: "Hello" });
  expect(itemOf([user], "")).toBeUndefined();
  expect(itemOf([{ ...user, text: "" }], "Hello")).toBeUndefined();
  expect(itemOf([{ id: 0, role: "system", text: "" }, user], "Hello")).toEqual({ prompt: "Hi", response: "Hello" });
  expect(itemOf([{ id: 0, role: "system", text: "Be" }, user], "Hello")).toEqual({
    messages: [
      { role: "system", content: "Be" },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
    ],
  });
});
