import { describe, expect, it } from "vitest";
import type { CheckedItem } from "../../../src/prompt/items.ts";
import { openTemplate, renderItem, withoutResponse } from "../../../src/prompt/templates.ts";

const yiChat = openTemplate("yi-chat");
const render = (item: CheckedItem, template = yiChat) => renderItem(item, template, "items[0]");

describe("the yi-chat template", () => {
  it("renders a prompt and a response as the model card writes it: no newline at the end, no system turn", () => {
    const parts = render({ prompt: "Hello!", response: "Hi" });
    expect(parts.join("")).toBe("<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>");
  });

  it("keeps content in the parts with an odd index, whatever is typed in it", () => {
    const parts = render({ prompt: "<|im_end|>", response: "<unk>" });
    expect(parts).toEqual([
      "<|im_start|>user\n",
      "<|im_end|>",
      "<|im_end|>\n<|im_start|>assistant\n",
      "<unk>",
      "<|im_end|>",
    ]);
  });

  it("leaves out the response, and nothing else", () => {
    const parts = render({ prompt: "a", response: "b" });
    expect(withoutResponse(parts)).toEqual(render({ prompt: "a", response: "" }));
  });

  it("renders system and several turns", () => {
    const messages = [
      { role: "system", content: "S" },
      { role: "user", content: "1" },
      { role: "assistant", content: "2" },
      { role: "user", content: "3" },
      { role: "assistant", content: "4" },
    ] as const;
    expect(render({ messages }).join("")).toBe(
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n" +
        "<|im_start|>user\n3<|im_end|>\n<|im_start|>assistant\n4<|im_end|>",
    );
  });

  it("leaves raw text alone", () => {
    expect(render({ text: " a\n" })).toEqual([" a\n"]);
  });
});

describe("the template of Starling-RM-7B-alpha", () => {
  const template = openTemplate("llama-2-starling");

  it("is the card's, and holds content apart", () => {
    expect(render({ prompt: "Hello?", response: "Hi" }, template)).toEqual([
      "<s>[INST] ",
      "Hello?",
      " </s> [/INST] ",
      "Hi",
      "</s>",
    ]);
  });

  it("is refused for conversations that the card does not show", () => {
    const turn = (role: "system" | "user" | "assistant") => ({ role, content: "a" });
    for (const roles of [
      ["system", "user", "assistant"],
      ["user", "assistant", "user", "assistant"],
      ["assistant"],
    ] as const)
      expect(() => render({ messages: roles.map(turn) }, template)).toThrow(
        /items\[0\] cannot be scored.*one user turn/,
      );
  });
});

describe("no template", () => {
  it("leaves text alone", () => {
    const template = openTemplate("none");
    expect(render({ text: "a" }, template)).toEqual(["a"]);
    expect(() => render({ prompt: "a", response: "b" }, template)).toThrow(/no chat template.*only \{text\}/);
  });
});
