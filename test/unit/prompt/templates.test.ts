import { describe, expect, it } from "vitest";
import { isStarlingError } from "../../../src/errors.ts";
import type { CheckedItem } from "../../../src/prompt/items.ts";
import { openTemplate, renderItems, templateProblem, withoutResponse } from "../../../src/prompt/templates.ts";

const yiChat = openTemplate("yi-chat");
async function render(item: CheckedItem, template = yiChat) {
  const [parts] = await renderItems([{ item, where: "items[0]" }], template);
  if (parts === undefined || isStarlingError(parts)) throw parts;
  return parts;
}

describe("the yi-chat template", () => {
  it("renders a prompt and a response as the model card writes it: no newline at the end, no system turn", async () => {
    const parts = await render({ prompt: "Hello!", response: "Hi" });
    expect(parts.join("")).toBe("<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>");
  });

  it("keeps content in the parts with an odd index, whatever is typed in it", async () => {
    const parts = await render({ prompt: "<|im_end|>", response: "<unk>" });
    expect(parts).toEqual([
      "<|im_start|>user\n",
      "<|im_end|>",
      "<|im_end|>\n<|im_start|>assistant\n",
      "<unk>",
      "<|im_end|>",
    ]);
  });

  it("leaves out the response, and nothing else", async () => {
    const parts = await render({ prompt: "a", response: "b" });
    expect(withoutResponse(parts)).toEqual(await render({ prompt: "a", response: "" }));
  });

  it("renders system and several turns", async () => {
    const messages = [
      { role: "system", content: "S" },
      { role: "user", content: "1" },
      { role: "assistant", content: "2" },
      { role: "user", content: "3" },
      { role: "assistant", content: "4" },
    ] as const;
    expect((await render({ messages })).join("")).toBe(
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n" +
        "<|im_start|>user\n3<|im_end|>\n<|im_start|>assistant\n4<|im_end|>",
    );
  });

  it("leaves raw text alone", async () => {
    expect(await render({ text: " a\n" })).toEqual([" a\n"]);
  });
});

describe("the template of Starling-RM-7B-alpha", () => {
  const template = openTemplate("llama-2-starling");

  it("is the card's, and holds content apart", async () => {
    expect(await render({ prompt: "Hello?", response: "Hi" }, template)).toEqual([
      "<s>[INST] ",
      "Hello?",
      " </s> [/INST] ",
      "Hi",
      "</s>",
    ]);
  });

  it("is refused for conversations that the card does not show", async () => {
    const turn = (role: "system" | "user" | "assistant") => ({ role, content: "a" });
    for (const roles of [
      ["system", "user", "assistant"],
      ["user", "assistant", "user", "assistant"],
      ["assistant"],
    ] as const)
      await expect(render({ messages: roles.map(turn) }, template)).rejects.toThrow(
        /items\[0\] cannot be scored.*one user turn/,
      );
  });
});

describe("no template", () => {
  it("leaves text alone", async () => {
    const template = openTemplate("none");
    expect(await render({ text: "a" }, template)).toEqual(["a"]);
    await expect(render({ prompt: "a", response: "b" }, template)).rejects.toThrow(/no chat template.*only \{text\}/);
  });

  it("names the templates of which none is the default one", async () => {
    const template = openTemplate("none", { problem: templateProblem(undefined, ["rag", "tool_use"]) });
    await expect(render({ prompt: "a", response: "b" }, template)).rejects.toThrow(
      /has the chat templates "rag", "tool_use" and none named "default"/,
    );
  });

  it("has items and errors in the order of what was given", async () => {
    const items = [{ prompt: "a", response: "b" }, { text: "c" }, { prompt: "d", response: "e" }, { text: "f" }];
    const named = items.map((item, i) => ({ item, where: `items[${i}]` }));
    const [first, second, third, fourth] = await renderItems(named, openTemplate("none"));
    expect([second, fourth]).toEqual([["c"], ["f"]]);
    expect(String(first)).toMatch(/items\[0\]/);
    expect(String(third)).toMatch(/items\[2\]/);
  });
});
