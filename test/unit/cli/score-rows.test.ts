import { expect, it } from "vitest";
import type { Row } from "../../../cli/row.ts";
import { type RowResult, scoreRows } from "../../../cli/score-rows.ts";
import { InvalidInputError, type RewardModel, type ScoreOptions, type ScoreOutcome } from "../../../src/index.ts";

/** Scores a text by its length; fails what is no item, and "bad". Reads ahead, as the real one does. */
const model = {
  async *scoreEach(items: AsyncIterable<{ text?: string } | undefined>, { nameItem }: ScoreOptions = {}) {
    const ahead: (typeof items extends AsyncIterable<infer T> ? T : never)[] = [];
    for await (const item of items) ahead.push(item);
    for (const [index, item] of ahead.entries()) {
      const name = nameItem?.(index) ?? "";
      if (!item || item.text === "bad")
        yield { index, error: new InvalidInputError("ERR_INVALID_ITEM", `${name} is bad`) };
      else {
        const score = item.text?.length ?? 0;
        yield { index, score, tokenCount: 1, truncated: false, scorePosition: 0 } satisfies ScoreOutcome;
      }
    }
  },
  info: { direction: "higher" },
} as unknown as RewardModel;

function row(index: number, texts: string[], more: Partial<Row> = {}): Row {
  const items = texts.map((text) => ({ text }));
  return { index, where: `line ${index}`, endOffset: 0, items, many: texts.length > 1, own: new Map(), ...more };
}

async function results(rows: Row[]): Promise<RowResult[]> {
  const all: RowResult[] = [];
  for await (const result of scoreRows(rows, model, { signal: new AbortController().signal })) all.push(result);
  return all;
}

it("gives one result for each row, in order, failures in their place", async () => {
  const broken = new InvalidInputError("ERR_INVALID_JSON", "broken");
  const all = await results([
    row(0, ["a"]),
    row(1, [], { error: broken }),
    row(2, ["aa", "a", "aa"]),
    row(3, ["aaaa"]),
  ]);
  expect(all.map(({ row: { index } }) => index)).toEqual([0, 1, 2, 3]);
  expect(all[1]).toMatchObject({ error: broken });
  expect(all[2]).toMatchObject({
    scored: [
      { score: 2, rank: 1 },
      { score: 1, rank: 3 },
      { score: 2, rank: 1 },
    ],
  });
  expect(all[3]).toMatchObject({ scored: [{ text: "aaaa", score: 4, rank: 1 }] });
});

it("names items by their place in the row", async () => {
  const all = await results([row(0, ["bad"]), row(1, ["a", "bad"]), row(2, ["a"])]);
  expect(all[0]).toMatchObject({ error: { message: "row is bad" } });
  expect(all[1]).toMatchObject({ error: { message: "responses[1] is bad" } });
  expect(all[2]).toMatchObject({ scored: [{ score: 1 }] });
});
