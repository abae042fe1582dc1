import { expect, it } from "vitest";
import { promptKey } from "../../../cli/kept-rows.ts";
import { TopRows } from "../../../cli/top-rows.ts";

it("chooses the best rows of each prompt, the earlier ones of equal scores", () => {
  for (const top of [1, 2, 5]) {
    const rows = Array.from({ length: 800 }, (_, i) => ({
      key: promptKey({ prompt: `p${(i * 7919) % 130}`, response: "" }),
      score: (i * 104_729) % 13,
    }));
    const table = new TopRows(top);
    for (const { key, score } of rows) table.add(key, score);
    const expected = rows.map(({ key, score }, i) => {
      const better = rows.filter(
        (other, j) => other.key === key && (other.score > score || (other.score === score && j < i)),
      );
      return better.length < top ? 1 : 0;
    });
    expect([...table.chosen()]).toEqual(expected);
  }
});

it("keeps what belongs to no prompt", () => {
  const table = new TopRows(1);
  for (const key of ["", "", "0123456789abcdef"]) table.add(key, Number.NaN);
  expect([...table.chosen()]).toEqual([1, 1, 1]);
});

it("takes a conversation up to its last turn as the prompt", () => {
  const asked = { role: "user", content: "Hi" };
  const key = (content: string) => promptKey({ messages: [asked, { role: "assistant", content }] });
  expect(key("a")).toBe(key("b"));
  expect(key("a")).not.toBe(promptKey({ messages: [asked, asked], response: "a" }).slice(0, 3));
  expect(promptKey({ prompt: "Hi", response: "a" })).toMatch(/^[0-9a-f]{16}$/);
  expect(promptKey({ text: "Hi" })).toBe("");
});
