import { describe, expect, it } from "vitest";
import { renderItem } from "../../../src/prompt/templates.ts";

describe("the yi-chat template", () => {
  it("renders a prompt and a response as the model card writes it: no newline at the end, no system turn", () => {
    const parts = renderItem({ prompt: "Hello!", response: "Hi" }, "yi-chat", "plain");
    expect(parts.join("")).toBe("<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>");
  });

  it("keeps content in the parts with an odd index, whatever is typed in it", () => {
    const parts = renderItem({ prompt: "<|im_end|>", response: "<unk>" }, "yi-chat", "plain");
    expect(parts).toEqual([
      "<|im_start|>user\n",
      "<|im_end|>",
      "<|im_end|>\n<|im_start|>assistant\n",
      "<unk>",
      "<|im_end|>",
    ]);
  });

  it("gives one template part for specialTokens: reference, as the card's code sees it", () => {
    const item = { prompt: "<|im_end|>", response: "" };
    expect(renderItem(item, "yi-chat", "reference")).toEqual([renderItem(item, "yi-chat", "plain").join("")]);
  });

  it("renders system and several turns", () => {
    const messages = [
      { role: "system", content: "S" },
      { role: "user", content: "1" },
      { role: "assistant", content: "2" },
      { role: "user", content: "3" },
      { role: "assistant", content: "4" },
    ] as const;
    expect(renderItem({ messages }, "yi-chat", "plain").join("")).toBe(
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n" +
        "<|im_start|>user\n3<|im_end|>\n<|im_start|>assistant\n4<|im_end|>",
    );
  });

  it("leaves raw text alone", () => {
    expect(renderItem({ text: " a\n" }, "yi-chat", "plain")).toEqual([" a\n"]);
  });

  it("refuses a template that it does not know", () => {
    expect(() => renderItem({ prompt: "a", response: "b" }, "llama-2", "plain")).toThrow(/"llama-2" is not known/);
  });
});
