import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { TemplateProcess, type TemplateProcessOptions } from "../../../src/native/template-process.ts";
import type { RenderRequest } from "../../../src/prompt/chat-template.ts";

const LOOP = "{% for m in messages %}[{{ m.content }}]{% endfor %}";
const ENDLESS = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}".concat(
  "{% endfor %}{% endfor %}{% endfor %}",
);
/** Only for what is asked for by its text. */
const onlyFor = (text: string, body: string) => `{% if '${text}' in messages[0].content %}${body}{% endif %}${LOOP}`;
const grow = (step: string, times = 60) =>
  `{% set ns = namespace(s='aa') %}{% for i in range(${times}) %}{% set ns.s = ${step} %}{% endfor %}{{ ns.s }}${LOOP}`;
const pair = (prompt: string, response = "b"): RenderRequest => [
  ["user", "assistant"],
  [prompt, response],
];
const QUICK = { limitMs: 500 };

const open: TemplateProcess[] = [];

afterEach(async () => {
  for (const renderer of open.splice(0)) renderer.close(new Error("The test is over."));
  if (process.platform === "linux") await until(() => children().length === 0);
});

function start(source: string, options: TemplateProcessOptions = {}): TemplateProcess {
  const process = new TemplateProcess({ source, tokens: {} }, options);
  open.push(process);
  return process;
}

const reasons = async (process: TemplateProcess, requests: readonly RenderRequest[], signal?: AbortSignal) =>
  (await process.render(requests, signal)).map((outcome) => ("reason" in outcome ? outcome.reason : "rendered"));

/** The children of this process that run templates. Linux alone tells. */
function children(parent = process.pid): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
        return Number(fields[1]) === parent && fields[0] !== "Z" && command.includes("template-process");
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("a hostile template", () => {
  it.each<[string, string, RegExp]>([
    ["counts in nested ranges", ENDLESS + LOOP, /took longer than 0\.5 seconds/],
    ["grows by replacing", grow("ns.s | replace('a', 'aa')"), /took longer|Invalid string length|memory/],
    ["grows by adding", grow("ns.s + ns.s"), /Invalid string length/],
    ["grows by joining", grow("[ns.s, ns.s] | join('-')"), /took longer|Invalid string length|memory/],
    ["writes hundreds of megabytes", grow("ns.s ~ ns.s", 26), /writes 1342177\d\d characters, more than 27\d+/],
    ["writes a megabyte", grow("ns.s ~ ns.s", 18), /writes 524\d+ characters/],
    ["nests parentheses", `{{ ${"(".repeat(30_000)}1${")".repeat(30_000)} }}${LOOP}`, /call stack/],
    ["nests lists", `{{ ${"[".repeat(30_000)}${"]".repeat(30_000)} }}${LOOP}`, /call stack/],
    ["nests statements", `${"{% if true %}".repeat(3_000)}${"{% endif %}".repeat(3_000)}${LOOP}`, /call stack/],
    ["calls itself", `{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}${LOOP}`, /not a function|call stack/],
    ["is full of open comments", "{#".repeat(32_000), /comment/],
    ["throws something other than text", `{{ raise_exception(messages) }}${LOOP}`, /\S/],
    ["looks for JavaScript", `{{ range.constructor('return process')() }}${LOOP}`, /not a function/],
  ])("is an error where it %s", async (_, source, expected) => {
    const [reason] = await reasons(start(source, QUICK), [pair("a")]);
    expect(reason).toMatch(expected);
  });

  it("cannot take all memory", async () => {
    const source = `{% set ns = namespace(s=[]) %}{% for i in range(9999) %}{% set ns.s = [ns.s, range(9999)] %}{% endfor %}${LOOP}`;
    const process = start(source, { heapMegabytes: 32 });
    expect(await reasons(process, [pair("a")])).toEqual(["it took more than 32 MiB of memory"]);
  });

  it("is given up after two failures in a row", async () => {
    const outcomes = await reasons(
      start(ENDLESS + LOOP, QUICK),
      Array.from({ length: 500 }, () => pair("a")),
    );
    expect(outcomes[0]).toMatch(/took longer/);
    expect(new Set(outcomes.slice(1))).toEqual(new Set(["it was rejected after taking too much time or memory"]));
  });

  it("costs only the conversations for which it is one", async () => {
    // Long enough for the others on a machine that is busy.
    const process = start(onlyFor("hang", ENDLESS), { limitMs: 2_000 });
    const prompts = ["a", "hang", "c", "d", "hang", "f"];
    const expected = prompts.map((prompt) => (prompt === "hang" ? "it took longer than 2 seconds" : "rendered"));
    expect(
      await reasons(
        process,
        prompts.map((prompt) => pair(prompt)),
      ),
    ).toEqual(expected);
    expect(await reasons(process, [pair("g")])).toEqual(["rendered"]);
  });
});

describe("what may be rendered", () => {
  it("is long conversations, alone, up to a limit", async () => {
    const process = start(LOOP);
    const long = "語".repeat(1 << 23);
    expect(
      await reasons(process, [pair("a"), pair(long), pair("c"), pair(long, long), pair(long, `${long}.`)]),
    ).toEqual([
      "rendered",
      "rendered",
      "rendered",
      "rendered",
      "it may receive at most 16777216 characters, and these are 16777217",
    ]);
  });

  it("is many conversations of many turns", async () => {
    const roles = Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? "user" : "assistant"));
    const request: RenderRequest = [roles, roles.map((_, i) => `turn ${i}`)];
    expect(await reasons(start(LOOP), [request, request, request])).toEqual(["rendered", "rendered", "rendered"]);
  });

  it("comes back in order from calls at once", async () => {
    const process = start("{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}");
    const rendered = await Promise.all(
      ["a", "bb", "ccc"].map((text) => process.render([pair(text), pair(`${text}!`)])),
    );
    const ends = rendered.map((outcomes) => outcomes.map((o) => ("contents" in o ? o.contents[0]?.end : o.reason)));
    expect(ends).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  });
});

describe.skipIf(process.platform !== "linux")("the process", () => {
  it("is started by the first conversation, and ended by close", async () => {
    const process = start(LOOP);
    expect(children()).toEqual([]);
    await process.render([pair("a")]);
    expect(children()).toHaveLength(1);
    process.close(new Error("closed"));
    await until(() => children().length === 0);
    expect(await reasons(process, [pair("a")])).toEqual(["rendered"]);
  });

  it("is replaced when something else ended it", async () => {
    const renderer = start(LOOP);
    await renderer.render([pair("a")]);
    const [first] = children();
    process.kill(first as number, "SIGKILL");
    await until(() => children().length === 0);
    expect(await reasons(renderer, [pair("a"), pair("b")])).toEqual(["rendered", "rendered"]);
    expect(children()).not.toContain(first);
  });

  it("is an error of a conversation when something else ends it meanwhile", async () => {
    const renderer = start(ENDLESS + LOOP);
    const rendered = reasons(renderer, [pair("a")]);
    await until(() => children().length === 1);
    process.kill(children()[0] as number, "SIGKILL");
    expect(await rendered).toEqual(["its process ended (SIGKILL)"]);
  });

  it("is ended by a signal, and the other calls go on", async () => {
    const renderer = start(onlyFor("hang", ENDLESS));
    const stop = new AbortController();
    const stopped = reasons(renderer, [pair("hang")], stop.signal);
    const waits = new AbortController();
    const waiting = reasons(renderer, [pair("c")], waits.signal);
    const other = reasons(renderer, [pair("b")]);
    await until(() => children().length === 1);
    waits.abort(new Error("not wanted"));
    await expect(waiting).rejects.toThrow("not wanted");
    stop.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(await other).toEqual(["rendered"]);
    await expect(reasons(renderer, [pair("b")], AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });

  it("is ended by close while it renders, with the reason", async () => {
    const renderer = start(ENDLESS + LOOP);
    const rendered = reasons(renderer, [pair("a")]);
    await until(() => children().length === 1);
    renderer.close(new Error("the model was closed"));
    await expect(rendered).rejects.toThrow("the model was closed");
    await until(() => children().length === 0);
  });

  it("is an error of each conversation where it cannot be started", async () => {
    const renderer = start(LOOP, { program: join(import.meta.dirname, "no such program") });
    const outcomes = await reasons(renderer, [pair("a"), pair("b"), pair("c")]);
    expect(outcomes).toHaveLength(3);
    for (const outcome of outcomes) expect(outcome).toMatch(/its process could not be started \(.*ENOENT/);
  });
});

/** The TypeScript of the library cannot run in a process of Node 20: what the parent does is written down here. */
const parentScript = (then: string) => `
import { spawn } from "node:child_process";
import { serialize } from "node:v8";
import { createRequire } from "node:module";
const jinja = createRequire(${JSON.stringify(pathToFileURL(join(import.meta.dirname, "..", "..", "..", "package.json")).href)}).resolve("@huggingface/jinja");
const script = ${JSON.stringify(join(import.meta.dirname, "..", "..", "..", "native", "child-process", "template-process.cjs"))};
const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "ignore"] });
const send = (message) => {
  const body = serialize(message);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  child.stdin.write(Buffer.concat([length, body]));
};
send({ jinja, source: ${JSON.stringify(ENDLESS)}, tokens: {}, limits: { characters: 1, charactersPerMessage: 1, repeats: 1 } });
child.stdout.once("data", () => {
  ${then}
  console.log(child.pid);
});
setTimeout(() => {}, 60_000);
`;

describe.skipIf(process.platform !== "linux")("the process without its parent", () => {
  it.each([
    ["idle", ""],
    ["busy for ever", 'send({ conversations: [[["user"], ["a"]]], limitMs: 1000 });'],
  ])("ends when it was %s", async (_, then) => {
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", parentScript(then)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => parent.stdout.once("data", (text) => resolve(Number(text))));
    expect(children(parent.pid)).toEqual([pid]);
    parent.kill("SIGKILL");
    const runs = () => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("template-process");
      } catch {
        return false;
      }
    };
    await until(() => !runs());
  });
});
