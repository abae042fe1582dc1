import { describe, expect, it } from "vitest";
import { isStarlingError } from "../../../src/errors.ts";
import { TemplateProcess } from "../../../src/native/template-process.ts";
import type { ChatMessage } from "../../../src/prompt/items.ts";
import { openTemplate } from "../../../src/prompt/templates.ts";

const turn = (role: ChatMessage["role"], content: string): ChatMessage => ({ role, content });
const tokens = { bos_token: "<s>", eos_token: "</s>" };

async function render(source: string, messages: readonly ChatMessage[], date?: string, where = "items[0]") {
  const template = openTemplate("chat-template", { renderer: new TemplateProcess({ source, tokens, date }) });
  try {
    const [parts] = await template.render([{ messages, where }]);
    if (parts === undefined || isStarlingError(parts)) throw parts;
    return parts;
  } finally {
    template.close(undefined);
  }
}

const pair = (user: string, assistant: string) => [turn("user", user), turn("assistant", assistant)];
const loop = (body: string) => `{{ bos_token }}{% for message in messages %}${body}{% endfor %}`;

const plain = loop("<{{ message['role'] }}>{{ message['content'] }}{{ eos_token }}");
const trimming = loop("<{{ message.role }}>{{ message.content | trim }}</s>");

describe("a Jinja chat template", () => {
  it("keeps content in parts of its own", async () => {
    expect(await render(plain, pair("a</s>", " b\n"))).toEqual([
      "<s><user>",
      "a</s>",
      "</s><assistant>",
      " b\n",
      "</s>",
    ]);
  });

  it("trims content as Python does", async () => {
    expect(await render(trimming, pair(" \x1ca b\n", "\ufeffc\u3000"))).toEqual([
      "<s><user>",
      "a b",
      "</s><assistant>",
      "\ufeffc",
      "</s>",
    ]);
  });

  it("may trim one side of a content", async () => {
    const source = loop("{{ ('[' ~ message.content).strip() }}|");
    expect((await render(source, pair(" a ", " b "))).join("")).toBe("<s>[ a|[ b|");
  });

  it("may trim newlines only, as Qwen 3 does", async () => {
    const source = loop("{{ '<' + message.role + '>\n' + message.content.strip('\n') }}\n");
    expect(await render(source, pair("\n\n a \n", "\nb\t\n\n"))).toEqual([
      "<s><user>\n",
      " a ",
      "\n<assistant>\n",
      "b\t",
      "\n",
    ]);
  });

  it.each([
    ["{{ true }}{{ messages[0].x is defined }}", "TrueFalse"],
    ["{{ none }}{{ messages[0].x }}", "None"],
    ["{{ 'a' ~ true ~ none ~ 1 ~ 1.0 ~ 0.5 }}", "aTrueNone11.00.5"],
    ["{% set a = none %}{% if false %}{% endif %}", ""],
  ])("writes %s as Python does", async (source, expected) => {
    expect((await render(`${source}|${loop("{{ message.content }}")}`, pair("a", "b"))).join("")).toBe(
      `${expected}|<s>ab`,
    );
  });

  it("is given what apply_chat_template gives it", async () => {
    const source =
      "{% if add_generation_prompt %}wrong{% endif %}{% if tools is not none or documents is not none %}wrong{% endif %}" +
      "{% for i in range(1, 3) %}{{ i }}{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}";
    expect(await render(source, pair("a", "b"))).toEqual(["12", "a", "", "b", ""]);
  });

  it.each([
    ["changes content", loop("{{ message.content | upper }}"), pair("a", "b"), /changes the text/],
    ["capitalizes content", loop("{{ message.content | capitalize }}"), pair("A", "B c"), /changes the text/],
    ["makes titles of content", loop("{{ message.content.title() }}"), pair("A", "B C"), /changes the text/],
    ["changes letters of content", loop("{{ message.content | upper }}"), pair("1", "2"), /changes the text/],
    ["strips letters", loop("{{ message.content.strip('ab') }}"), pair("xa", "b"), /changes the text/],
    [
      "looks into content",
      loop("{% if 'x' in message.content %}!{% endif %}{{ message.content }}"),
      pair("x", "b"),
      /changes/,
    ],
    ["leaves a message out", "{{ messages[1].content }}", pair("a", "b"), /leaves out the message 0 \(user\)/],
    ["puts the response first", "{{ messages[1].content }}{{ messages[0].content }}", pair("a", "b"), /response last/],
    ["refuses a conversation", "{{ raise_exception('no roles') }}", pair("a", "b"), /no roles; score the rendered/],
    [
      "asks for the date",
      loop("{{ strftime_now('%d') }}{{ message.content }}"),
      pair("a", "b"),
      /without a date.*templateDate \(--template-date YYYY-MM-DD\)/,
    ],
    ["writes a list", `{{ [1, 'a'] }}${plain}`, pair("a", "b"), /a value of the kind array, which Python writes/],
    ["writes a message", `{{ messages[0] }}${plain}`, pair("a", "b"), /a value of the kind object/],
    [
      "writes a number with an exponent",
      `{{ 100000000000000000.0 }}${plain}`,
      pair("a", "b"),
      /a value of the kind float/,
    ],
    ["counts without end", "{% for i in range(99999999) %}{% endfor %}", pair("a", "b"), /counts to more/],
  ])("is refused where it %s", async (_, source, messages, expected) => {
    await expect(render(source, messages)).rejects.toThrow(expected);
  });

  it("is an error of each item when it is no Jinja", async () => {
    await expect(render("{% for %}", pair("a", "b"), undefined, "items[3]")).rejects.toThrow(
      /items\[3\] cannot be scored/,
    );
  });

  it("is named by its file, where that is known", async () => {
    const renderer = new TemplateProcess({ source: "{% for %}", tokens });
    const template = openTemplate("chat-template", { renderer, from: "chat_template.jinja" });
    const [error] = await template.render([{ messages: pair("a", "b"), where: "row" }]);
    template.close(undefined);
    expect(String(error)).toMatch(/row cannot be scored with the model's chat template \(chat_template\.jinja\): /);
  });

  it("is read with each end of line as a newline, as by Jinja", async () => {
    const unix = "{% for m in messages %}\n{{ m.role }}\n{{ m.content }}\n{% endfor %}\n";
    const expected = ["user\n", "a", "\nassistant\n", "b", "\n"];
    expect(await render(unix, pair("a", "b"))).toEqual(expected);
    for (const end of ["\r\n", "\r"])
      expect(await render(unix.replaceAll("\n", end), pair("a", "b"))).toEqual(expected);
  });
});

describe("a chat template that asks for a date", () => {
  const today = loop("{% if loop.first %}{{ strftime_now('%d %b %Y') }}{% endif %}|{{ message.content }}");

  it("writes the one that was given", async () => {
    expect((await render(today, pair("a", "b"), "2024-07-06")).join("")).toBe("<s>06 Jul 2024|a|b");
  });

  it("has Llama 3.1's date_string, and its own date without one", async () => {
    const source =
      "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}{{ date_string }}" +
      "{% for m in messages %}|{{ m.content }}{% endfor %}";
    expect((await render(source, pair("a", "b"))).join("")).toBe("26 Jul 2024|a|b");
    expect((await render(source, pair("a", "b"), "2025-01-02")).join("")).toBe("02 Jan 2025|a|b");
  });

  it("names a directive that is not known", async () => {
    const source = loop("{{ strftime_now('%Q') }}{{ message.content }}");
    await expect(render(source, pair("a", "b"), "2024-07-26")).rejects.toThrow(/"%Q", which is not known/);
  });

  it("does not need one where it does not come to that", async () => {
    const source = loop(
      "{% if loop.first and message.role != 'system' %}{{ strftime_now('%Y') }}{% endif %}{{ message.content }}",
    );
    expect((await render(source, [turn("system", "s"), ...pair("a", "b")])).join("")).toBe("<s>sab");
    await expect(render(source, pair("a", "b"))).rejects.toThrow(/without a date/);
  });
});
