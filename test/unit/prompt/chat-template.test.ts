import { describe, expect, it } from "vitest";
import { compileChatTemplate } from "../../../src/prompt/chat-template.ts";
import type { ChatMessage } from "../../../src/prompt/items.ts";

const turn = (role: ChatMessage["role"], content: string): ChatMessage => ({ role, content });
const render = (source: string, messages: readonly ChatMessage[]) =>
  compileChatTemplate({ source, tokens: { bos_token: "<s>", eos_token: "</s>" } })(messages, "items[0]");
const pair = (user: string, assistant: string) => [turn("user", user), turn("assistant", assistant)];
const loop = (body: string) => `{{ bos_token }}{% for message in messages %}${body}{% endfor %}`;

const plain = loop("<{{ message['role'] }}>{{ message['content'] }}{{ eos_token }}");
const trimming = loop("<{{ message.role }}>{{ message.content | trim }}</s>");

describe("a Jinja chat template", () => {
  it("keeps content in parts of its own", () => {
    expect(render(plain, pair("a</s>", " b\n"))).toEqual(["<s><user>", "a</s>", "</s><assistant>", " b\n", "</s>"]);
  });

  it("trims content as Python does", () => {
    expect(render(trimming, pair(" \x1ca b\n", "\ufeffc\u3000"))).toEqual([
      "<s><user>",
      "a b",
      "</s><assistant>",
      "\ufeffc",
      "</s>",
    ]);
  });

  it("may trim one side of a content", () => {
    const source = loop("{{ ('[' ~ message.content).strip() }}|");
    expect(render(source, pair(" a ", " b ")).join("")).toBe("<s>[ a|[ b|");
  });

  it("is given what apply_chat_template gives it", () => {
    const source =
      "{% if add_generation_prompt %}wrong{% endif %}{% if tools is not none or documents is not none %}wrong{% endif %}" +
      "{% for i in range(1, 3) %}{{ i }}{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}";
    expect(render(source, pair("a", "b"))).toEqual(["12", "a", "", "b", ""]);
  });

  it.each([
    ["changes content", loop("{{ message.content | upper }}"), pair("a", "b"), /changes the text/],
    [
      "looks into content",
      loop("{% if 'x' in message.content %}!{% endif %}{{ message.content }}"),
      pair("x", "b"),
      /changes/,
    ],
    ["leaves a message out", "{{ messages[1].content }}", pair("a", "b"), /leaves out the message 0 \(user\)/],
    ["puts the response first", "{{ messages[1].content }}{{ messages[0].content }}", pair("a", "b"), /response last/],
    ["refuses a conversation", "{{ raise_exception('no roles') }}", pair("a", "b"), /no roles; score the rendered/],
    ["asks for the date", loop("{{ strftime_now('%d') }}{{ message.content }}"), pair("a", "b"), /today's date/],
    ["counts without end", "{% for i in range(99999999) %}{% endfor %}", pair("a", "b"), /counts to more/],
  ])("is refused where it %s", (_, source, messages, expected) => {
    expect(() => render(source, messages)).toThrow(expected);
  });

  it("is an error of each item when it is no Jinja", () => {
    const template = compileChatTemplate({ source: "{% for %}", tokens: {} });
    expect(() => template(pair("a", "b"), "items[3]")).toThrow(/items\[3\] cannot be scored.*\{text\} instead/);
  });
});
