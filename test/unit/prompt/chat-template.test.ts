import { describe, expect, it } from "vitest";
import { isStarlingError } from "../../../src/errors.ts";
import { TemplateProcess } from "../../../src/native/template-process.ts";
import type { ChatMessage } from "../../../src/prompt/messages.ts";
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

  const each = (body: string) => `{% for m in messages %}${body}{{ m.content }}{% endfor %}`;
  it.each([
    [each("{% if m.role == 'user' %}{% set p = 'U' %}{% endif %}{{ p }}"), "Uab"],
    [`{% set x = 0 %}${each("{% set x = x + 1 %}{{ x }}")}{{ x }}`, "1a1b0"],
    [
      `${each("{% if loop.first %}{% set a = 'A' %}{% endif %}{{ a }}")}{{ a }}{{ m }}{{ loop is defined }}`,
      "AabFalse",
    ],
    [`{% set n = namespace(x=0) %}${each("{% set n.x = n.x + 1 %}{{ n.x }}")}`, "1a2b"],
    [`{% macro f() %}{{ z }}{{ m.role }}{% endmacro %}{% set m = {} %}${each("{% set z = 1 %}{{ f() }}")}`, "ab"],
    [each("{% set x %}{% set y = 1 %}{% endset %}{{ y }}"), "ab"],
    [
      "{% for m in messages %}<{% if m.role == 'user' %}{{ m.content }}{% continue %}{% endif %}{{ m.content }}>{% endfor %}",
      "<a<b>",
    ],
    ["{% for m in messages %}{{ m.content }}{% if loop.last %}{% break %}{% endif %},{% endfor %}", "a,b"],
    [each("{{ loop.depth }}{{ loop.cycle('x', 'y') }}"), "1xa1yb"],
  ])("has the scopes of Jinja in %s", async (source, expected) => {
    expect((await render(source, pair("a", "b"))).join("")).toBe(expected);
  });

  it.each([
    ["'hELLO wORLD'|capitalize", "Hello world"],
    ["'uSER-x y.z'|title ~ \"they're x2y\".title()", "User-X Y.zThey'Re X2Y"],
    ["-7 % 3 ~ ' ' ~ 7 % -3 ~ ' ' ~ -7.5 % 2 ~ ' ' ~ -6 % 3", "2 -2 0.5 0"],
    ["true|string ~ none|string ~ [1, none, true]|join('|')", "TrueNone1|None|True"],
    ["1.0|tojson", "1.0"],
    [
      "['1' == 1, '' == false, [] == false, x == none, x == y, 1 == 1.0, 1 == true]|join",
      "FalseFalseFalseFalseTrueTrueTrue",
    ],
    ["[[1] == [1], {} == {}, {'a': 1} != {'a': 2}, 1 in ['1'], none in [none]]|join", "TrueTrueTrueFalseTrue"],
    ["['A', 'a', 'b']|unique|join", "Ab"],
    ["'12abc'|int ~ '3.7'|int ~ (-3.5)|int", "03-3"],
    ["['😀x😀'|length, '😀x'[0], '😀x'[1:], 'abc'[2:-1:-1], 'abc'[::-1]]|join('|')", "3|😀|x||cba"],
    ["'\x1ca\x85'.strip() ~ '\x1fb\x85'|trim ~ 'a\x1cb'.split()|join(',')", "aba,b"],
    ["('\ufeffa'.strip())|length ~ messages.length ~ 'a'.length", "2"],
    ["[true is number, '1' is lower]|join", "TrueFalse"],
    ["x|default(default_value='d') ~ ''|default('e', true)", "de"],
  ])("gives {{ %s }} as Python does", async (expression, expected) => {
    const source = `{{ ${expression} }}|{% for m in messages %}{{ m.content }}{% endfor %}`;
    expect((await render(source, pair("a", "b"))).join("")).toBe(`${expected}|ab`);
  });

  it.each([
    ["'a' + 1", /adds an integer to a string/],
    ["x.y", /reads y of x, which is not defined/],
    ["messages[9].content", /reads content of a value, which is not defined/],
    ["1 % 0", /divides by zero/],
    ["sep_token", /uses sep_token/],
    ["image_token is defined", /uses image_token/],
    ["additional_special_tokens", /uses additional_special_tokens/],
    ["dict is defined", /uses dict/],
    ["'0x1f'|int(base=16)", /filter "int" with arguments/],
    ["'a'|wordcount", /the filter "wordcount", which is not supported/],
    ["'<'|safe + '<'", /the filter "safe"/],
    ["'a'.find('a')", /uses find of a string/],
    ["messages|map(attribute='role')|length", /not a list in Python/],
    ["[1]|string", /writes a value of the kind array/],
  ])("is refused for {{ %s }}, which is not supported", async (expression, expected) => {
    const source = `{{ ${expression} }}{% for m in messages %}{{ m.content }}{% endfor %}`;
    await expect(render(source, pair("a", "b"))).rejects.toThrow(expected);
  });

  it("is broken where it calls itself for ever", async () => {
    const source = `{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}${loop("{{ message.content }}")}`;
    await expect(render(source, pair("a", "b"))).rejects.toThrow(/is broken: .*call stack/);
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
      /changes its own text depending on message content, which is not supported/,
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
    expect(String(error)).toMatch(
      /^InvalidInputError: row cannot be scored: the model's chat template \(chat_template\.jinja\) is broken: [^;]*$/,
    );
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
