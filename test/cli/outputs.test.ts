/** Where results go: links, pipes, devices, files that are there already. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ended, file, folder, jsonLines, parseLines, repository, run, start, tiny } from "./run-cli.ts";

const checkpoint = join(repository, "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const rows = file("rows.jsonl", jsonLines([{ text: "a" }, { text: "b" }]));
const pairs = file(
  "pairs.jsonl",
  jsonLines(Array.from({ length: 8 }, (_, i) => ({ prompt: `p${i}`, chosen: `good ${i}`, rejected: `bad ${i}` }))),
);
const f16 = join(folder, "model.f16.gguf");
const posix = process.platform !== "win32";

let places = 0;
const place = () => {
  const at = join(folder, `place-${places++}`);
  mkdirSync(at);
  return at;
};
const score = (output: string, ...more: string[]) =>
  run(["score", ...tiny, "--input", rows, "--output", output, ...more]);

beforeAll(async () => {
  expect((await run(["convert", checkpoint, "-o", f16, "--type", "f16"])).code).toBe(0);
});

/** Every command that writes a file, into `output`. */
const writers: Readonly<Record<string, (output: string) => string[]>> = {
  score: (output) => ["score", ...tiny, "--input", rows, "--output", output],
  rank: (output) => ["rank", ...tiny, "--prompt", "a", "--response", "b", "--response", "c", "--output", output],
  tokenize: (output) => ["tokenize", "--model", "tiny", "--input", rows, "--output", output],
  convert: (output) => ["convert", checkpoint, "--type", "f16", "--output", output],
  quantize: (output) => ["quantize", f16, "--type", "q8_0", "--threads", "1", "--output", output],
  "fit --output": (output) => ["fit", "--model", "tiny", "--input", pairs, "--ridge", "1", "--output", output],
  "fit --head-output": (output) => [
    "fit",
    "--model",
    "tiny",
    "--input",
    pairs,
    "--ridge",
    "1",
    "--head-output",
    output,
  ],
};

describe.each(Object.entries(writers))("%s", (_, command) => {
  it("replaces a file only with --force, and keeps its permissions", async () => {
    const at = place();
    const output = join(at, "out");
    writeFileSync(output, "mine");
    const refused = await run(command(output));
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/already exists/);
    expect(readFileSync(output, "utf8")).toBe("mine");
    if (posix) chmodSync(output, 0o640);
    expect((await run([...command(output), "--force"])).code).toBe(0);
    expect(readFileSync(output, "utf8")).not.toBe("mine");
    if (posix) expect(statSync(output).mode & 0o777).toBe(0o640);
    expect(readdirSync(at)).toEqual(["out"]);
  });

  it.runIf(posix)("follows links, also one that leads to nothing yet, and leaves them", async () => {
    const [at, elsewhere] = [place(), place()];
    const link = join(at, "link");
    symlinkSync(join("..", elsewhere.slice(folder.length + 1), "target"), link);
    expect((await run(command(link))).code).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const target = join(elsewhere, "target");
    expect(statSync(target).size).toBeGreaterThan(0);
    const made = readFileSync(target);
    writeFileSync(target, "old");
    expect((await run(command(link))).stderr).toMatch(/already exists/);
    expect((await run([...command(link), "--force"])).code).toBe(0);
    expect(readFileSync(target).length).toBe(made.length);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect([readdirSync(at), readdirSync(elsewhere)]).toEqual([["link"], ["target"]]);
    symlinkSync("circle", join(at, "circle"));
    const circle = await run(command(join(at, "circle")));
    expect(circle.code).toBe(2);
    expect(circle.stderr).toMatch(/symbolic links form a loop/);
  });
});

describe("a name that says a format or a compression that is not written", () => {
  const rowNames = [
    "a.xlsx",
    "a.arrow",
    "a.feather",
    "a.AVRO",
    "a.jsonl.xz",
    "a.bz2",
    "a.zip",
    "a.csv.gz.gz",
    "a.gguf",
  ];
  it.each<[string, readonly string[], readonly string[]]>([
    ["score", [...rowNames, "a.xlsx.gz", "a.tar.gz"], ["a.txt", "a.out", "a", "a.v2", "a.gz"]],
    ["rank", rowNames, ["a.txt"]],
    ["tokenize", [...rowNames, "a.json", "a.csv", "a.parquet", "a.jsonl.gz"], ["a.txt", "a.ndjson", "a.ids"]],
    ["convert", ["a.safetensors", "a.gguf.gz", "a.json"], ["a.bin"]],
    ["quantize", ["a.safetensors", "a.onnx", "a.zip"], ["a.q8_0"]],
    ["fit --output", ["a.safetensors", "a.jsonl"], ["a.model"]],
    ["fit --head-output", ["a.json", "a.pt"], ["a.head"]],
  ])("%s refuses it, and names what it writes", async (command, refused, written) => {
    const make = writers[command] as (output: string) => string[];
    for (const name of refused) {
      const at = place();
      const { code, stdout, stderr } = await run(make(join(at, name)));
      expect([name, code, stdout]).toEqual([name, 2, ""]);
      expect(stderr).toMatch(/does not write \.\S+ files\. Expected \.(?:jsonl|gguf)/);
      expect(readdirSync(at)).toEqual([]);
    }
    for (const name of written) {
      const at = place();
      expect([name, (await run(make(join(at, name)))).code]).toEqual([name, 0]);
      expect(readdirSync(at)).toEqual([name]);
    }
  });

  it("is written in the format that --format names, where that is no compression", async () => {
    const output = join(place(), "a.xlsx");
    expect((await score(output, "--format", "csv")).code).toBe(0);
    expect(readFileSync(output, "utf8")).toMatch(/^index,score,/);
    const { code, stderr } = await score(join(place(), "a.xz"), "--format", "csv");
    expect(code).toBe(2);
    expect(stderr).toContain(".jsonl, .json, .csv, .tsv or .parquet (text also with .gz or .zst)");
  });

  it.runIf(posix)("does not matter for what is no regular file", async () => {
    const link = join(place(), "null.xlsx");
    symlinkSync("/dev/null", link);
    expect((await score(link)).code).toBe(0);
  });

  it("is no folder's name for the reports of eval, unless the folder is there", async () => {
    const at = place();
    const report = (name: string) => run(["eval", "--model", "tiny", "pairs", "-i", pairs, "-o", join(at, name)]);
    for (const name of ["report.html", "report.json", "report.zip"]) {
      const { code, stderr } = await report(name);
      expect([name, code]).toEqual([name, 2]);
      expect(stderr).toMatch(/expected the name of a folder, in which eval writes report\.html/);
    }
    expect(readdirSync(at)).toEqual([]);
    mkdirSync(join(at, "there.json"));
    for (const name of ["there.json", "v1.2"]) expect([name, (await report(name)).code]).toEqual([name, 0]);
  });

  it("is no folder's name for the comparisons of reports", async () => {
    const output = join(place(), "comparison.html");
    const { code, stderr } = await run(["compare", "a/report.json", "b/report.json", "-o", output]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected the name of a folder, in which compare writes comparison\.html/);
  });
});

it.each([
  ["score", "jsonl"],
  ["score", "json"],
  ["score", "csv"],
  ["rank", "jsonl"],
  ["tokenize", undefined],
])("%s keeps an old file when its input contains no rows (%s)", async (command, format) => {
  const output = join(place(), "out");
  const empty = file("no-rows.jsonl", "\n\n");
  const model = command === "tokenize" ? ["--model", "tiny"] : tiny;
  const args = [command, ...model, "--input", empty, "--output", output, ...(format ? ["--format", format] : [])];
  writeFileSync(output, "mine");
  const { code, stderr } = await run([...args, "--force"]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/no-rows\.jsonl has no rows; \S+out is unchanged\n$/);
  expect(readFileSync(output, "utf8")).toBe("mine");
  rmSync(output);
  expect((await run(args)).code).toBe(0);
  expect(readFileSync(output, "utf8").trim()).toBe(
    format === "csv" ? readFileSync(output, "utf8").split("\n")[0] : format === "json" ? "[]" : "",
  );
});

describe.runIf(posix)("a pipe or a device", () => {
  it("is refused where a GGUF is written, and stays what it is", async () => {
    const pipe = join(place(), "pipe");
    spawnSync("mkfifo", [pipe]);
    for (const name of ["convert", "quantize", "fit --output", "fit --head-output"])
      for (const [output, what] of [
        [pipe, "a pipe"],
        ["/dev/null", "a device"],
        [folder, "a folder"],
      ] as const) {
        const { code, stderr } = await run([...(writers[name] as (output: string) => string[])(output), "--force"]);
        expect([name, output, code]).toEqual([name, output, 2]);
        expect(stderr).toContain(`it is ${what}; give the name of a regular file`);
      }
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  it("is written to by what streams, however long its reader takes to come", async () => {
    const pipe = join(place(), "pipe");
    spawnSync("mkfifo", [pipe]);
    for (const name of ["score", "rank", "tokenize"]) {
      const end = run((writers[name] as (output: string) => string[])(pipe));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const reader = spawn("cat", [pipe]);
      const read = ended(reader);
      expect((await end).code).toBe(0);
      expect(parseLines((await read).stdout)).toHaveLength(name === "rank" ? 1 : 2);
    }
    expect(await score("/dev/null")).toMatchObject({ code: 0, stdout: "" });
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  it("whose reader goes away is no error", async () => {
    const pipe = join(place(), "pipe");
    spawnSync("mkfifo", [pipe]);
    const child = start(["score", ...tiny, "--input", "-", "--output", pipe]);
    const end = ended(child);
    const reader = spawn("head", ["-n", "1", pipe]);
    const feed = () => {
      while (child.stdin.writable && child.stdin.write(`{"text":"${"a ".repeat(200)}"}\n`.repeat(50)));
    };
    child.stdin.on("drain", feed);
    feed();
    await once(reader, "exit");
    expect((await end).code).toBe(0);
  });

  it("may be standard output or input by another name: /dev/stdout, /dev/stdin", async () => {
    const { code, stdout } = await run(
      ["score", ...tiny, "--input", "/dev/stdin", "--output", "/dev/stdout"],
      '{"text":"a"}\n',
    );
    expect(code).toBe(0);
    expect(parseLines(stdout)).toMatchObject([{ index: 0 }]);
    const redirected = join(place(), "out");
    const shell = `"${process.execPath}" "${join(repository, "dist", "cli", "main.js")}" score --model tiny --threads 1 --text a --output /dev/stdout > "${redirected}"`;
    const environment = { ...process.env, STARLING_RM_CACHE: join(folder, "cache") };
    expect(spawnSync("sh", ["-c", shell], { env: environment }).status).toBe(0);
    expect(parseLines(readFileSync(redirected, "utf8"))).toHaveLength(1);
  });

  it("gives rows as an input, too", async () => {
    const pipe = join(place(), "pipe");
    spawnSync("mkfifo", [pipe]);
    const end = run(["score", ...tiny, "--input", pipe]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    spawn("sh", ["-c", `cat "${rows}" > "${pipe}"`]);
    expect(parseLines((await end).stdout)).toHaveLength(2);
  });
});

describe("an old file", () => {
  it("stays whole until there is a row to replace it with", async () => {
    const output = join(place(), "out");
    writeFileSync(output, "old rows");
    const child = start(["score", ...tiny, "--input", "-", "--output", output, "--force"]);
    const end = ended(child);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(readFileSync(output, "utf8")).toBe("old rows");
    child.kill("SIGINT");
    await end;
    expect(readFileSync(output, "utf8")).toBe("old rows");
    // The input ended without a row: there is nothing to replace it with.
    expect((await run(["score", ...tiny, "--input", "-", "--output", output, "--force"], "")).code).toBe(0);
    expect(readFileSync(output, "utf8")).toBe("old rows");
  });

  it("is no hidden way into another: a partial file is never written to through a link", async () => {
    const at = place();
    const victim = join(at, "victim");
    writeFileSync(victim, "mine");
    for (const make of [symlinkSync, linkSync])
      for (const resume of [[], ["--resume"]]) {
        const output = join(at, `${make.name}-${resume.length}.gguf`);
        const partial = join(at, `.${make.name}-${resume.length}.gguf.partial`);
        for (const name of [partial, `${partial}.journal`, `${partial}.journal.new`]) make(victim, name);
        expect((await run([...(writers["convert"] as (output: string) => string[])(output), ...resume])).code).toBe(0);
        expect(readFileSync(victim, "utf8")).toBe("mine");
      }
    expect(readdirSync(at).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("that another process writes to is refused", async () => {
    const output = join(place(), "out");
    const child = start(["score", ...tiny, "--input", "-", "--output", output]);
    const end = ended(child);
    child.stdin.write('{"text":"a"}\n');
    while (child.exitCode === null && !existsSync(output)) await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await score(output, "--force");
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/is being written by process \d+ on /);
    child.stdin.end('{"text":"b"}\n');
    expect((await end).code).toBe(0);
    expect(parseLines(readFileSync(output, "utf8"))).toHaveLength(2);
    expect((await score(output, "--force")).code).toBe(0);
  });

  it("keeps its finished rows when the process is killed", async () => {
    const at = place();
    const output = join(at, "out");
    const child = start(["score", ...tiny, "--input", "-", "--output", output]);
    const end = ended(child);
    child.stdin.write('{"text":"a"}\n');
    while (child.exitCode === null && !existsSync(output)) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 100));
    child.kill("SIGKILL");
    await end;
    expect(parseLines(readFileSync(output, "utf8"))).toHaveLength(1);
    expect((await score(output, "--force")).code).toBe(0);
    expect(readdirSync(at)).toEqual(["out"]);
  });
});

describe("fit", () => {
  it("without an output is refused before anything is read", async () => {
    const { code, stderr } = await run(["fit", "--model", "/none.gguf", "--input", "/none.jsonl"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/give --head-output FILE .* or --output FILE/);
  });

  it.runIf(posix)("with one file by two names is refused", async () => {
    const at = place();
    symlinkSync("out", join(at, "link"));
    const { code, stderr } = await run([
      ...(writers["fit --output"] as (o: string) => string[])(join(at, "out")),
      "--head-output",
      join(at, "link"),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/a file other than output/);
    expect(readdirSync(at)).toEqual(["link"]);
  });
});

it("a report does not replace the file that it is about", async () => {
  const at = place();
  const input = join(at, "scores.jsonl");
  writeFileSync(input, readFileSync(pairs));
  const { code, stderr } = await run(["eval", "pairs", ...tiny, "--input", input, "--output", at]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/the report would replace its input .*scores\.jsonl/);
  expect(readFileSync(input).equals(readFileSync(pairs))).toBe(true);
});

it.runIf(posix)("a report replaces the files that links in its folder lead to", async () => {
  const [at, elsewhere] = [place(), place()];
  symlinkSync(join(elsewhere, "kept.json"), join(at, "report.json"));
  const { code } = await run(["eval", "pairs", ...tiny, "--input", pairs, "--output", at]);
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(join(elsewhere, "kept.json"), "utf8"))).toMatchObject({
    formatVersion: expect.any(Number),
  });
  expect(lstatSync(join(at, "report.json")).isSymbolicLink()).toBe(true);
  expect(readdirSync(at).sort()).toEqual(["report.html", "report.json", "scores.jsonl"]);
});
