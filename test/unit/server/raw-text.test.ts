import { describe, expect, it } from "vitest";
import { isRenderedPrompt, rawTextReader } from "../../../src/server/dialects/raw-text.ts";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const system = (content: string) => ({ role: "system", content });
const chat = rawTextReader("chat");

/** Texts as the families' own templates write them. */
const texts: readonly (readonly [name: string, text: string, messages: readonly object[]])[] = [
  [
    "Starling-RM-34B",
    "<|im_start|>user\nHi\n<|im_end|>\n<|im_start|>assistant\n Hello <|im_end|>",
    [user("Hi\n"), assistant(" Hello ")],
  ],
  [
    "Qwen, with a newline and an end of text",
    "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|endoftext|>",
    [system("Be kind."), user("Hi"), assistant("Hello")],
  ],
  [
    "Phi-4",
    "<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>Hello<|im_end|>",
    [user("Hi"), assistant("Hello")],
  ],
  [
    "ChatML with an answer that was cut off",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello, and\n",
    [user("Hi"), assistant("Hello, and\n")],
  ],
  [
    "ChatML with a prompt for another answer",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>assistant\n",
    [user("Hi"), assistant("Hello")],
  ],
  [
    "Llama 3",
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>",
    [system("Be kind."), user("Hi"), assistant("Hello")],
  ],
  [
    "Llama 4",
    "<|begin_of_text|><|header_start|>user<|header_end|>\n\nHi<|eot|><|header_start|>assistant<|header_end|>\n\nHello<|eot|>",
    [user("Hi"), assistant("Hello")],
  ],
  [
    "Llama 2",
    "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Hello </s><s>[INST] And you? [/INST] Fine. </s>",
    [system("Be kind."), user("Hi"), assistant("Hello"), user("And you?"), assistant("Fine.")],
  ],
  ["Starling-RM-7B-alpha", "<s>[INST] Hi </s> [/INST] Hello</s>", [user("Hi"), assistant("Hello")]],
  [
    "Mistral",
    "<s>[SYSTEM_PROMPT]Be kind.[/SYSTEM_PROMPT][INST]Hi[/INST]Hello</s>",
    [system("Be kind."), user("Hi"), assistant("Hello")],
  ],
  [
    "Gemma",
    "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n",
    [user("Hi"), assistant("Hello")],
  ],
  [
    "Zephyr",
    "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello</s>\n",
    [system("Be kind."), user("Hi"), assistant("Hello")],
  ],
  [
    "Zephyr with an empty system turn",
    "<|system|>\n</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello</s>",
    [user("Hi"), assistant("Hello")],
  ],
  ["Tulu", "<|user|>\nHi\n<|assistant|>\nHello<|endoftext|>", [user("Hi"), assistant("Hello")]],
  ["Phi-3", "<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n<|endoftext|>", [user("Hi"), assistant("Hello")]],
  [
    "OpenChat",
    "<s>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant: Hello<|end_of_turn|>",
    [user("Hi"), assistant("Hello")],
  ],
  [
    "OpenChat with a system turn",
    "<s>Be kind.<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant: Hello<|end_of_turn|>",
    [system("Be kind."), user("Hi"), assistant("Hello")],
  ],
  [
    "Command R",
    "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Hello<|END_OF_TURN_TOKEN|>",
    [user("Hi"), assistant("Hello")],
  ],
  [
    "DeepSeek",
    "<｜begin▁of▁sentence｜>Be kind.<｜User｜>Hi<｜Assistant｜>Hello<｜end▁of▁sentence｜>",
    [system("Be kind."), user("Hi"), assistant("Hello")],
  ],
  [
    "Vicuna",
    "A chat between a user and an assistant. USER: Hi ASSISTANT: Hello</s>USER: And you? ASSISTANT: Fine.</s>",
    [
      system("A chat between a user and an assistant."),
      user("Hi"),
      assistant("Hello"),
      user("And you?"),
      assistant("Fine."),
    ],
  ],
  ["Human and Assistant", "\n\nHuman: Hi\n\nAssistant: Hello", [user("Hi"), assistant("Hello")]],
];

describe("raw texts", () => {
  it("are scored as they are by default", () => {
    expect(rawTextReader("exact")("<|im_start|>", "input")).toEqual({ text: "<|im_start|>" });
  });

  it.each(texts)("as chat: %s", (_, text, messages) => {
    expect(chat(text, "input")).toEqual({ messages });
  });

  it.each([
    ["Hello", "does not begin as the text of a chat template; looked for <|im_start|>user"],
    ["Note: <|im_start|>user\nHi<|im_end|>", "does not begin as the text of a chat template"],
    ["<|im_start|>tool\nx<|im_end|>\n", 'has a turn of "tool"'],
    ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\nmore", "has text after <|im_end|>"],
    ["<|im_start|>user\nHi<|im_start|>assistant\nA<|im_end|>", "has a turn without <|im_end|>"],
    ["<|im_start|>user and more", "begins as <|im_start|>user (ChatML: Yi, Qwen, Phi-4) and has no turn"],
  ])("refuses %j: %s", (text, problem) => {
    expect(() => chat(text, "query[3]")).toThrow(`query[3] ${problem}`);
  });

  it.each(["exact", "chat"] as const)("are refused when they are empty or not Unicode: %s", (mode) => {
    const read = rawTextReader(mode);
    expect(() => read("", "query[3]")).toThrow("query[3] is empty");
    expect(() => read("a\ud800", "query[3]")).toThrow("query[3] is not valid Unicode");
  });

  it("take linear time", () => {
    const pieces = [...new Set(texts.flatMap(([, text]) => text.match(/<[^>]*>|\[[^\]]*\]|[A-Z]\w+: ?|\s+/g) ?? []))];
    const begin = process.cpuUsage().user;
    for (const piece of pieces) {
      for (const text of [
        piece.repeat(200_000 / piece.length),
        `${texts[0]?.[1]}${piece.repeat(200_000 / piece.length)}x`,
      ])
        try {
          chat(text, "input");
        } catch {
          // Most of them cannot be read.
        }
    }
    expect(process.cpuUsage().user - begin).toBeLessThan(10_000_000);
  });
});

describe("isRenderedPrompt", () => {
  it.each([
    ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", true],
    ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n", true],
    ["<s>[INST] Hi [/INST]", true],
    ["<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n", true],
    ["Hi", false],
    ["Human: Hi\n\nAssistant:", false],
    ["<|im_start|>user\nHi<|im_end|>\n", false],
  ])("of %j is %s", (prompt, expected) => {
    expect(isRenderedPrompt(prompt)).toBe(expected);
  });
});
