/**
 * Every command line of README, docs and help runs, in a folder with the files that it names: the demonstration model in place of
 * others, and a hub on this machine. Where a command needs data sets of the real hub, only its options are checked.
 */
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedModelPath } from "../../src/index.ts";
import { makeLanguageModel } from "../language-model.ts";
import { f32, safetensors } from "../unit/convert/make-checkpoint.ts";
import { FakeHub } from "../unit/hub/fake-hub.ts";
import { folder, jsonLines, repository, run } from "./run-cli.ts";
import { endWhenReady } from "./serve-once.ts";

const pages = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "README.md", "docs/*.md"],
  { cwd: repository, encoding: "utf8" },
)
  .split("\n")
  .filter((page) => page !== "" && !page.startsWith("docs/api/"));

/** The words of a command, as a shell splits them, without what follows in a pipe or goes to a file. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)) {
    if (plain !== undefined && /^(?:[|&;>#)]|2>)/.test(plain)) break;
    words.push(double ?? single ?? (plain as string).replace(/[);]+$/, ""));
  }
  return words;
}

/** Commands in blocks of shell, with continued lines joined, and in the text between backticks. */
function commandsOf(text: string, onlyBlocks = false): string[][] {
  const blocks = [...text.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].map(([, , code = ""]) =>
    code.replaceAll(/\\\n\s*/g, " "),
  );
  const lines = blocks.flatMap((code) => code.split("\n"));
  const inline = [...text.replaceAll(/```.*?```/gs, "").matchAll(/`((?:npx )?starling-rm [^`]*)`/g)].map(
    ([, code = ""]) => code,
  );
  return [...lines, ...(onlyBlocks ? [] : inline)]
    .flatMap((line) =>
      [...line.matchAll(/(?:^|\(|&& |\| )\s*(?:npx )?starling-rm (.*)$/g)].map(([, rest = ""]) => wordsOf(rest)),
    )
    .filter(([name = ""]) => !/^[A-Z…]/.test(name));
}

const help = new Map<string, string>();

beforeAll(async () => {
  const { stdout } = await run(["--help"]);
  for (const [, name = ""] of stdout.matchAll(/^ {2}([a-z]+)(?: |$)/gm))
    if (!help.has(name) && name !== "starling" && name !== "help") help.set(name, (await run([name, "--help"])).stdout);
});

it("finds commands to check", () => {
  expect(pages.length).toBeGreaterThan(5);
  expect(commandsOf(readFileSync(join(repository, "README.md"), "utf8")).length).toBeGreaterThan(10);
});

function check([name = "", ...rest]: string[]): string | undefined {
  if (name.startsWith("-"))
    return ["--help", "--version", "-V", "--json"].includes(name) ? undefined : `no option ${name}`;
  const text = help.get(name);
  if (text === undefined) return `no command ${name}`;
  const known = new Set(text.match(/(?<=[\s,])--?[A-Za-z][\w-]*/g));
  const unknown = rest
    .map((word) => word.split("=")[0] as string)
    .filter((word) => /^--?[A-Za-z]/.test(word) && !known.has(word));
  return unknown.length === 0 ? undefined : `${name} has no ${unknown.join(", ")}`;
}

describe.each(pages)("%s", (page) => {
  it("has only commands and options that exist", () => {
    const wrong = commandsOf(readFileSync(join(repository, page), "utf8"))
      .map((words) => ({ words: words.join(" "), problem: check(words) }))
      .filter(({ problem }) => problem !== undefined);
    expect(wrong).toEqual([]);
  });
});

/** Of every command's help. */
function examples(): string[][] {
  return [...help.values()].flatMap((text) =>
    [...text.replaceAll(/\\\n\s*/g, " ").matchAll(/^ {2}starling-rm (.*)$/gm)].map(([, rest = ""]) => wordsOf(rest)),
  );
}

it("so have the examples of every command's help", () => {
  const wrong = examples()
    .map((words) => ({ words: words.join(" "), problem: check(words) }))
    .filter(({ problem }) => problem !== undefined);
  expect(wrong).toEqual([]);
});

/** The commands of all pages and of the helps, each once; in a sentence a command may be a part of one. */
const documented = () => {
  const written = pages.flatMap((page) => commandsOf(readFileSync(join(repository, page), "utf8"), true));
  const all = [...written, ...examples()].filter((words) =>
    words.every((word) => !/…|^(?:COMMAND|IN|PATH|A)$/.test(word)),
  );
  return [...new Map(all.map((words) => [words.join(" "), words])).values()];
};
/** A table with the columns "question", an object with "text", and "reply". */
const QUESTIONS_XZ =
  "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4ABBADRdADidSM71jFu+rHOsfi/DZtTgstNXxGdlcBBu/1gk9DsxdTqocaoAYI6g8TncSCrtTZX1AAAABjVQPlOpjAwAAVBCw8jvAh+2830BAAAAAARZWg==";
/** Without the options that say where a server listens. */
function withoutAddress(words: readonly string[]): string[] {
  const isAddress = (word = "") => /^--(?:host|port|socket)$/.test(word);
  return words.filter((word, i) => !isAddress(word) && !isAddress(words[i - 1]));
}

/** An adapter of one matrix, which is as random as the model. */
function writeAdapter(folder: string, base: string, baseName: string): void {
  const { hidden_size } = JSON.parse(readFileSync(join(base, "config.json"), "utf8"));
  mkdirSync(folder);
  const config = { peft_type: "LORA", r: 1, lora_alpha: 1, base_model_name_or_path: baseName };
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(config));
  const module = "base_model.model.transformer.layers.0.self_attn.o_proj";
  const tensors = new Map([
    [`${module}.lora_A.weight`, f32([1, hidden_size], 1)],
    [`${module}.lora_B.weight`, f32([hidden_size, 1], 2)],
  ]);
  writeFileSync(join(folder, "adapter_model.safetensors"), safetensors(tensors));
}

/** The real hub and its data sets, rows with a category, a card that may not be here, a model as large as those of published measurements. */
const NEEDS_MORE =
  /^pull skywork|^compare report-|^probe .*rewardbench|^eval .*(?:\b(?:all|human)\b|--by category)|--benchmark human|--gpu cuda|--machine/;

describe("in a folder with the files that they name", () => {
  const place = join(folder, "work");
  let hub: FakeHub;

  beforeAll(async () => {
    mkdirSync(place);
    const embedded = join(repository, "models", "starling-rm-tiny");
    const names = readdirSync(embedded).filter((name) => /^(?:config|token|special|model)/.test(name));
    hub = await FakeHub.start(Object.fromEntries(names.map((name) => [name, readFileSync(join(embedded, name))])));
    process.env["STARLING_RM_CACHE"] = join(folder, "cache");
    const model = await embeddedModelPath();
    for (const name of ["rm", "rm.f16", "rm.q8_0", "rm.q4_k_m", "starling-rm-34b.q4_k_m", "starling-rm-34b.f16"])
      copyFileSync(model, join(place, `${name}.gguf`));
    await makeLanguageModel(model, join(place, "trunk.gguf"));
    for (const name of ["CHECKPOINT", "Starling-RM-34B"]) symlinkSync(embedded, join(place, name), "junction");
    writeAdapter(join(place, "adapter"), embedded, hub.repository);
    const preferences = jsonLines(
      Array.from({ length: 12 }, (_, i) => ({
        prompt: `Question ${i}?`,
        chosen: `Yes, ${i}.`,
        rejected: `No ${i * i}!`,
      })),
    );
    const pairs = jsonLines([
      { id: "a", prompt: "Hi", response: "Hello." },
      { id: "b", prompt: "Hi", response: "No." },
    ]);
    for (const name of ["preferences", "prefs"]) writeFileSync(join(place, `${name}.jsonl`), preferences);
    for (const name of ["pairs", "samples"]) writeFileSync(join(place, `${name}.jsonl`), pairs);
    mkdirSync(join(place, "preferences"));
    writeFileSync(join(place, "preferences", "a.jsonl"), preferences);
    writeFileSync(join(place, "candidates.jsonl"), jsonLines([{ prompt: "Hi", responses: ["Hello.", "No."] }]));
    const answers = Array.from({ length: 6 }, (_, i) => ({
      id: i,
      prompt: `Question ${i % 3}?`,
      response: `Yes, ${i}.`,
    }));
    writeFileSync(join(place, "answers.jsonl"), jsonLines(answers));
    const cells = answers.map(({ id, prompt, response }) => `${id},${prompt},"${response}"\n`);
    writeFileSync(join(place, "answers.csv"), `id,prompt,response\n${cells.join("")}`);
    writeFileSync(join(place, "qa.csv.xz"), Buffer.from(QUESTIONS_XZ, "base64"));
    writeFileSync(
      join(place, "conversation.json"),
      JSON.stringify([
        { role: "user", content: "Name a prime." },
        { role: "assistant", content: "7" },
        { role: "user", content: "Another one." },
      ]),
    );
    writeFileSync(join(place, "answers.txt"), "8\n11\n");
    writeFileSync(join(place, "keys.txt"), "a-key-of-a-test\n");
    const [question, ...sides] = ["user", "assistant", "assistant"].map((role, i) => ({ role, content: `${i}` }));
    const [chosen, rejected] = sides.map((side) => [question, side]);
    writeFileSync(join(place, "pairs-of-messages.jsonl"), jsonLines([{ chosen, rejected }]));
    mkdirSync(join(place, "data", "part"), { recursive: true });
    const parquet = ["score", "--model", "rm.gguf", "--input", "answers.jsonl", "--output", "data/part/one.parquet"];
    expect(await runHere(parquet)).toMatchObject({ code: 0 });
    hub.put("train.jsonl", Buffer.from(pairs));
    writeFileSync(join(place, "preferences.jsonl.gz"), gzipSync(preferences));
    writeFileSync(join(place, "pairs.jsonl.gz"), gzipSync(pairs));
    const fit = ["fit", "--model", "rm.gguf", "--input", "prefs.jsonl", "--head-output", "mine.gguf"];
    expect(await runHere(fit)).toMatchObject({ code: 0 });
  });

  afterAll(() => hub.stop());

  function runHere(given: readonly string[]): Promise<{ code: number; stderr: string }> {
    // A server is done when it is ready; any port and address will do.
    const isServer = given[0] === "serve";
    const words = isServer ? [...withoutAddress(given), "--port", "0"] : given;
    const env = {
      ...process.env,
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(folder, "home"),
      HF_TOKEN: "hf_of_nobody",
      STARLING_RM_MODEL: "starling-rm-34b.q4_k_m.gguf",
    };
    const main = join(repository, "dist", "cli", "main.js");
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [main, ...words], { cwd: place, env }, (error, _stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stderr }),
      );
      if (isServer) endWhenReady(child);
    });
  }

  it("run", async () => {
    const failed: unknown[] = [];
    const ran: string[] = [];
    for (const words of documented()) {
      if (NEEDS_MORE.test(words.join(" "))) continue;
      const local = words.map((word) =>
        word
          .replace(/(?:Nexusflow\/Starling-RM-34B|01-ai\/Yi-34B-Chat|OWNER\/NAME)(?=$|@|\/train)/, hub.repository)
          // Published models by name.
          .replace(/^(hf:)?(?:skywork-v2-llama-3\.2-3b|athene-rm-8b)$/, `$1${hub.repository}`)
          .replace("path/to/", "")
          .replace("FILE.gguf", "rm.gguf"),
      );
      // A folder of partitions is made by several commands.
      const goesOn = words.some((word) => /^--(?:shard|check|list)$/.test(word));
      for (const [i, word] of local.entries())
        if (!goesOn && /^(?:-o|--output|--head-output)$/.test(word) && local[i + 1] !== "rm.gguf")
          rmSync(join(place, local[i + 1] as string), { force: true, recursive: true });
      hub.kind = words.some((word) => /^hf:.*\.jsonl$/.test(word)) ? "dataset" : "model";
      const { code, stderr } = await runHere(local);
      ran.push(words.join(" "));
      if (code !== 0) failed.push({ words: words.join(" "), code, stderr });
    }
    expect(failed).toEqual([]);
    expect(ran.length).toBeGreaterThan(50);
  }, 400_000);
});
