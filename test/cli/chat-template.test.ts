import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { ended, file, folder, jsonLines, parseLines, repository, run, start } from "./run-cli.ts";

const fixture = join(import.meta.dirname, "..", "fixtures", "checkpoints", "hf-seqcls-bpe");
const LOOP = "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{{ m.content | trim }}<|eot_id|>";
const END = "{% endfor %}";
const DATED = `{{ bos_token }}{{ strftime_now('%d %b %Y') }}${LOOP}${END}`;
const NESTED = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
const ENDLESS = `{% for c in range(9999) %}${NESTED}{% endfor %}${LOOP}${END}`;
const rows = [
  { prompt: "How are you?", response: "Fine." },
  { prompt: "And now?", response: " Still fine.\n" },
];

/** A model whose checkpoint has these templates in files. */
async function model(name: string, templates: Readonly<Record<string, string>>): Promise<string> {
  const checkpoint = join(folder, `${name}-checkpoint`);
  cpSync(fixture, checkpoint, { recursive: true });
  mkdirSync(join(checkpoint, "additional_chat_templates"));
  for (const [path, text] of Object.entries(templates)) writeFileSync(join(checkpoint, path), text);
  const output = join(folder, `${name}.gguf`);
  const { code, stderr } = await run(["convert", checkpoint, "--output", output, "--type", "f32"]);
  expect([code, stderr]).toEqual([0, expect.anything()]);
  return output;
}

let dated: string;
let endless: string;

beforeAll(async () => {
  dated = await model("dated", { "chat_template.jinja": DATED });
  endless = await model("endless", { "chat_template.jinja": ENDLESS });
});

const score = (path: string, args: readonly string[], input = jsonLines(rows)) =>
  run(["score", "--model", path, "--threads", "1", "--input", "-", ...args], input);

async function textOf(path: string, args: readonly string[], row = rows[1]): Promise<string> {
  const { stdout } = await run(["tokenize", "--model", path, "--input", "-", ...args], jsonLines([row]));
  const tokens = JSON.parse(readFileSync(join(fixture, "tokenizer.json"), "utf8"));
  const pieces = new Map<number, string>(Object.entries<number>(tokens.model.vocab).map(([piece, id]) => [id, piece]));
  for (const { id, content } of tokens.added_tokens) pieces.set(id, content);
  const ids = parseLines(stdout)[0] as unknown as number[];
  return ids
    .map((id) => pieces.get(id))
    .join("")
    .replaceAll("Ġ", " ")
    .replaceAll("Ċ", "\n");
}

describe("a chat template in a file", () => {
  it("goes before that of tokenizer_config.json", async () => {
    const plain = await model("plain", { "chat_template.jinja": `F${LOOP}${END}` });
    expect(await textOf(plain, [])).toBe(
      "F<|start_header_id|>user<|end_header_id|>And now?<|eot_id|>" +
        "<|start_header_id|>assistant<|end_header_id|>Still fine.<|eot_id|>",
    );
    const { stdout } = await run(["inspect", plain]);
    expect(stdout).toMatch(/template +chat-template, chat_template\.jinja\n/);
    const { stdout: json } = await run(["inspect", plain, "--json"]);
    expect(JSON.parse(json)).toMatchObject({ template: "chat-template", templateFrom: "chat_template.jinja" });
    expect(JSON.parse(json)).not.toHaveProperty("templateDate");
  });

  it("is shown before the conversion, too, with what it asks for", async () => {
    const { stdout } = await run(["inspect", join(folder, "dated-checkpoint"), "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ templateFrom: "chat_template.jinja", templateDate: "required" });
  });

  it("is a default among named ones, or there is none", async () => {
    const named = await model("named", { "additional_chat_templates/rag.jinja": "R" });
    expect((await run(["inspect", named])).stdout).toMatch(/template +none, the checkpoint has "rag" and none/);
    const { code, stdout } = await score(named, [], jsonLines([rows[0], { text: "a" }]));
    expect(code).toBe(1);
    expect(parseLines(stdout)).toMatchObject([
      { error: { code: "ERR_INVALID_ITEM", message: expect.stringMatching(/chat templates "rag" and none/) } },
      { score: expect.any(Number) },
    ]);
  });
});

describe("--template-date", () => {
  it("is asked for by name, where the template asks for a date", async () => {
    const { code, stdout } = await score(dated, [], jsonLines([...rows, { text: "a" }]));
    expect(code).toBe(1);
    const error = { code: "ERR_INVALID_ITEM", message: expect.stringMatching(/--template-date YYYY-MM-DD/) };
    expect(parseLines(stdout)).toMatchObject([{ error }, { error }, { score: expect.any(Number) }]);
  });

  it("is what the template writes, and moves scores", async () => {
    const date = ["--template-date", "2024-07-26"];
    expect(await textOf(dated, date)).toMatch(/^<\|begin_of_text\|>26 Jul 2024<\|start_header_id\|>user/);
    const scores = async (args: readonly string[]) =>
      parseLines((await score(dated, args)).stdout).map((row) => row["score"]);
    const [first, again, other] = [
      await scores(date),
      await scores(date),
      await scores(["--template-date", "2024-07-27"]),
    ];
    expect(again).toEqual(first);
    expect(other[0]).not.toBe(first[0]);
  });

  it("is refused when it is no date, and said to be in vain where it is", async () => {
    for (const date of ["2024-02-30", "26 Jul 2024", "0999-01-01", "2024-7-1", ""]) {
      const { code, stderr } = await score(dated, ["--template-date", date]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/Expected a date like 2024-07-26/)]);
    }
    const { code, stderr } = await score("tiny", ["--template-date", "2024-07-26"]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/prints no date: --template-date has no effect/)]);
  });

  it("is part of what scores are kept under, and of the report", async () => {
    const pairs = file("dated.jsonl", jsonLines([{ prompt: "p", chosen: "a b c", rejected: "d" }]));
    const evaluate = async (date: string) => {
      const args = ["eval", "pairs", "--model", dated, "--input", pairs, "--threads", "1", "--json"];
      const { code, stdout } = await run([...args, "--template-date", date]);
      expect(code).toBe(0);
      return JSON.parse(stdout);
    };
    const [first, second] = [await evaluate("2024-07-26"), await evaluate("2025-12-31")];
    expect(first.settings).toMatchObject({ templateDate: "2024-07-26" });
    expect(second.settings).toMatchObject({ templateDate: "2025-12-31" });
    expect(JSON.stringify(second.benchmarks)).not.toBe(JSON.stringify(first.benchmarks));
    expect(readdirSync(join(folder, "cache", "scores")).length).toBeGreaterThan(1);
  });
});

describe("a chat template that does not end", () => {
  it.skipIf(process.platform !== "linux").each(["SIGINT", "SIGTERM"] as const)("is stopped by %s", async (signal) => {
    for (const command of ["score", "tokenize"]) {
      const child = start([
        command,
        "--model",
        endless,
        "--input",
        "-",
        ...(command === "score" ? ["--threads", "1"] : []),
      ]);
      const end = ended(child);
      child.stdin.write(jsonLines(rows));
      let renderers = renderersOf(child.pid);
      for (; renderers.length === 0; renderers = renderersOf(child.pid)) await sleep(20);
      child.kill(signal);
      const { code, stderr } = await end;
      // Without the stop the rows would have failed one after another, which is another exit code.
      expect([code, stderr]).toEqual([signal === "SIGINT" ? 130 : 143, expect.stringMatching(/stopped by/)]);
      while (renderers.some((pid) => commandOf(pid).includes(RENDERER))) await sleep(20);
    }
  });

  it("is an error of each conversation, and texts are scored", async () => {
    const { code, stdout } = await score(endless, [], jsonLines([...rows, { text: "a" }, ...rows]));
    expect(code).toBe(1);
    const error = { code: "ERR_INVALID_ITEM", message: expect.stringMatching(/took longer than|was rejected/) };
    expect(parseLines(stdout)).toMatchObject([
      { error },
      { error },
      { score: expect.any(Number) },
      { error },
      { error },
    ]);
  });
});

/** What an application does with the library, which is imported as `library`; it has the models' paths. */
async function application(body: string) {
  const library = pathToFileURL(join(repository, "dist", "src", "index.js")).href;
  const script = `import * as library from ${JSON.stringify(library)};
    const [dated, endless] = ${JSON.stringify([dated, endless])};
    const pair = { prompt: "a", response: "b" };
    ${body}`;
  return ended(spawn(process.execPath, ["--input-type=module", "--eval", script]));
}

describe("an application", () => {
  it("ends by itself, although a template was rendered and nothing was closed", async () => {
    const { code, stdout, stderr } = await application(`
      const tokenizer = await library.loadTokenizer({ modelPath: dated, templateDate: "2024-07-26" });
      console.log((await tokenizer.tokenize([pair]))[0].ids.length, tokenizer.settings.templateDate);`);
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^\d\d 2024-07-26\n$/), ""]);
  });

  it("stops a template with a signal, or closes the model", async () => {
    const { code, stdout, stderr } = await application(`
      const model = await library.loadRewardModel({ modelPath: endless, gpu: "off", threads: 1 });
      for (const work of [
        (signal) => model.score([pair], { signal }),
        (signal) => model.tokenize([pair], { signal }),
        (signal) => model.openPrompt({ prompt: "a", signal }),
      ]) {
        const stop = new AbortController();
        const stopped = work(stop.signal).catch((error) => error.message);
        setTimeout(() => stop.abort(new Error("enough")), 300);
        console.log(await stopped);
      }
      const before = { signal: AbortSignal.abort(new Error("before")) };
      console.log(await model.tokenize([{ text: "a" }], before).catch((error) => error.message));
      console.log((await model.score([{ text: "a" }])).length);
      const closed = model.score([pair]).catch((error) => error.code);
      setTimeout(() => model.close(), 300);
      console.log(await closed);`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toEqual(["enough", "enough", "enough", "before", "1", "ERR_MODEL_CLOSED", ""]);
  });

  it.skipIf(process.platform !== "linux")("takes the renderer along when it ends at once", async () => {
    const { code, stdout } = await application(`
      import { readdirSync, readFileSync } from "node:fs";
      const tokenizer = await library.loadTokenizer({ modelPath: endless });
      tokenizer.tokenize([pair]).catch(() => {});
      const find = () => readdirSync("/proc").find((pid) => {
        try {
          return Number(readFileSync("/proc/" + pid + "/stat", "utf8").split(") ")[1].split(" ")[1]) === process.pid;
        } catch {
          return false;
        }
      });
      while (!find()) await new Promise((resolve) => setTimeout(resolve, 20));
      console.log(find());
      process.exit(7);`);
    expect(code).toBe(7);
    while (commandOf(Number(stdout)).includes(RENDERER)) await sleep(20);
  });
});

const RENDERER = "template-process";

/** The processes that run templates for a process. */
function renderersOf(parent: number | undefined): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent && commandOf(pid).includes(RENDERER));
}

function parentOf(pid: number): number {
  return Number(fileOf(pid, "stat").split(") ")[1]?.split(" ")[1]);
}

function commandOf(pid: number): string {
  return fileOf(pid, "cmdline");
}

function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}

describe("a chat template that the profile does not use", () => {
  it("is named once, at the conversion and before", async () => {
    const checkpoint = join(folder, "alpha-checkpoint");
    cpSync(join(repository, "test", "fixtures", "checkpoints", "alpha7b-like"), checkpoint, { recursive: true });
    writeFileSync(join(checkpoint, "chat_template.jinja"), `${LOOP}${END}`);
    const notice =
      "its own chat template (chat_template.jinja) is not used: " +
      "the template of the profile starling-rm-7b-alpha is the model card's";
    const output = join(folder, "alpha.gguf");
    const { stderr } = await run(["convert", checkpoint, "--output", output, "--type", "f32"]);
    expect(stderr.split(notice)).toHaveLength(2);
    const { stdout } = await run(["inspect", checkpoint]);
    expect(stdout.split(notice)).toHaveLength(2);
  });
});
