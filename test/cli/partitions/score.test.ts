/** score and rank over a folder: one output for each file. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, run, tiny } from "../run-cli.ts";

const rows = (name: string, count = 2) =>
  jsonLines(Array.from({ length: count }, (_, i) => ({ id: i, prompt: `${name} ${i}?`, response: "Paris." })));

const INPUTS: Readonly<Record<string, string | Buffer>> = {
  "a.jsonl": rows("a", 3),
  "empty.jsonl": "",
  "-dash and é.csv": "prompt,response\nq,r\n",
  "sub/a.jsonl": `${rows("b")}{"prompt":"no response"}\n`,
  "sub/z.jsonl.gz": gzipSync(rows("z")),
};

function inputs(name: string, files = INPUTS): string {
  const at = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(at, path, ".."), { recursive: true });
    writeFileSync(join(at, path), content);
  }
  return at;
}

const names = (at: string) =>
  (readdirSync(at, { recursive: true }) as string[]).filter((name) => !statSync(join(at, name)).isDirectory()).sort();
const outputs = (at: string) => names(at).filter((name) => !/\.manifest$|_PARTITIONS$/.test(name));
const manifest = (at: string, name: string) =>
  JSON.parse(readFileSync(join(at, name.replace(/[^/]*$/, "_$&.manifest")), "utf8"));
const check = async (input: string, output: string) => {
  const { code, stdout } = await run(["score", "--input", input, "--output", output, "--check", "--json"]);
  return { code, summary: JSON.parse(stdout) };
};

describe("score over a folder", () => {
  const output = join(folder, "whole-out");
  let input = "";
  beforeAll(async () => {
    input = inputs("whole");
    const { code, stderr, stdout } = await run(["score", ...tiny, "--input", input, "--output", `${output}/`]);
    expect(stdout).toBe("");
    expect(stderr).toContain("sub/a.jsonl, line 3: ");
    expect(stderr).toContain("5 partitions, 5 written, 9 rows");
    expect(code).toBe(1);
  });

  it("writes an output for each file, with the bytes of a run on that file, and a manifest beside each", async () => {
    expect(outputs(output)).toEqual(Object.keys(INPUTS).sort());
    expect(readFileSync(join(output, "empty.jsonl"), "utf8")).toBe("");
    for (const name of ["-dash and é.csv", "sub/a.jsonl", "sub/z.jsonl.gz"]) {
      const alone = join(folder, `alone.${name.split("/").at(-1)}`);
      await run(["score", ...tiny, "--input", join(input, name), "--output", alone]);
      const [there, expected] = [readFileSync(join(output, name)), readFileSync(alone)];
      expect(name.endsWith("gz") ? gunzipSync(there) : there, name).toEqual(
        name.endsWith("gz") ? gunzipSync(expected) : expected,
      );
    }
    expect(manifest(output, "sub/a.jsonl")).toMatchObject({
      ...{ partition: "sub/a.jsonl", command: "score", rows: 3, failures: 1, settings: {} },
      input: { bytes: statSync(join(input, "sub/a.jsonl")).size },
      output: { bytes: statSync(join(output, "sub/a.jsonl")).size },
    });
  });

  it("computes nothing again, and does not load the model for it", async () => {
    const before = names(output).map((name) => statSync(join(output, name)).mtimeMs);
    // Without a slash, because it is there.
    const { code, stderr } = await run(["score", ...tiny, "--input", input, "--output", output]);
    expect(stderr).toContain("5 partitions, 0 written, 5 whole already, nothing to do, 1 row failed");
    expect(stderr).not.toContain("demonstration");
    expect(code).toBe(1);
    expect(names(output).map((name) => statSync(join(output, name)).mtimeMs)).toEqual(before);
  });

  it("does not mind what changes no number", async () => {
    const engine = ["--gpu", "off", "--batch", "64", "--no-mmap", "--batch-mode", "exact"];
    const { stderr } = await run(["score", ...tiny, ...engine, "--input", input, "--output", output]);
    expect(stderr).toContain("nothing to do");
  });

  it.each([
    [
      "another setting",
      ["--special-tokens", "reference"],
      "without --special-tokens, not with --special-tokens reference",
    ],
    ["other fields", ["--fields", "id,score"], "without --fields, not with --fields id score"],
    ["another command", ["rank"], "by `starling-rm score`, not by `rank`"],
  ])("refuses %s in one sentence", async (_, more, reason) => {
    const [command, options] = more[0] === "rank" ? ["rank", []] : ["score", more];
    const { code, stderr } = await run([command as string, ...tiny, ...options, "--input", input, "--output", output]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(reason);
    expect(stderr).toContain("--force");
    expect(code).toBe(2);
  });

  it("lists what there is, and checks it", async () => {
    const { stdout } = await run(["score", "--input", input, "--output", output, "--list"]);
    expect(parseLines(stdout).map(({ partition, status }) => [partition, status])).toEqual(
      Object.keys(INPUTS)
        .sort()
        .map((name) => [name, "whole"]),
    );
    const { code, summary } = await check(input, output);
    expect(code).toBe(0);
    expect(summary).toMatchObject({ ok: true, partitions: 5, rows: 9, failures: 1, states: { whole: 5, foreign: 0 } });
    const table = await run(["score", "--output", output, "--check"]);
    expect(table.stdout).toContain("5 of 5 whole");
    const [withFailures] = summary.withFailures as { partition: string; failures: number }[];
    expect(withFailures?.failures).toBe(1);
    expect(table.stdout).toContain(`${withFailures?.partition} (1)`);
    expect(table.code).toBe(0);
  });

  it("says that there is no such folder to check", async () => {
    const missing = join(output, "not-there");
    const alone = await run(["score", "--output", missing, "--check"]);
    expect(alone).toMatchObject({ code: 2, stdout: "" });
    expect(alone.stderr).toContain(`the folder ${missing} does not exist`);
    const { code, stdout, stderr } = await run(["score", "--input", input, "--output", missing, "--check", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, partitions: 5, states: { whole: 0, missing: 5 } });
    expect(stderr).toContain(`the folder ${missing} does not exist`);
    const file = await run(["score", "--output", join(output, "a.jsonl"), "--check"]);
    expect(file.code).toBe(2);
    expect(file.stderr).toMatch(/a\.jsonl is not a folder/);
  });

  it("repairs what is torn or missing, and nothing else", async () => {
    const good = readFileSync(join(output, "a.jsonl"));
    truncateSync(join(output, "a.jsonl"), 20);
    rmSync(join(output, "_empty.jsonl.manifest"));
    writeFileSync(join(output, "sub", "_a.jsonl.manifest"), "{");
    rmSync(join(output, "sub", "z.jsonl.gz"));
    writeFileSync(join(output, "more.txt"), "");
    const { code, summary } = await check(input, output);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ ok: false, states: { whole: 1, torn: 3, missing: 1, foreign: 1 } });
    const { stderr } = await run(["score", ...tiny, "--input", input, "--output", output]);
    expect(stderr).toContain("5 partitions, 4 written, 1 whole already");
    expect(readFileSync(join(output, "a.jsonl"))).toEqual(good);
    rmSync(join(output, "more.txt"));
    expect((await check(input, output)).code).toBe(0);
  });

  it("refuses an input that has changed, unless it may replace the output", async () => {
    appendFileSync(join(input, "a.jsonl"), rows("more", 1));
    const refused = await run(["score", ...tiny, "--input", input, "--output", output]);
    expect(refused.stderr).toContain("which has changed since; --force replaces it");
    expect(refused.code).toBe(2);
    expect((await check(input, output)).summary.states).toMatchObject({ whole: 4, changed: 1 });
    const forced = await run(["score", ...tiny, "--input", input, "--output", output, "--force"]);
    expect(forced.stderr).toContain("5 partitions, 1 written, 4 whole already");
    expect(manifest(output, "a.jsonl").rows).toBe(4);
  });
});

describe("a partition that fails", () => {
  it("does not stop the others", async () => {
    const input = inputs("failing", { "a.jsonl": rows("a"), "b.parquet": "no parquet", "c.jsonl": rows("c") });
    const output = join(folder, "failing-out");
    const task = ["score", ...tiny, "--input", input, "--output", `${output}/`];
    const first = await run(task);
    expect(first.stderr).toContain("b.parquet failed: ");
    expect(first.stderr).toContain("3 partitions, 2 written, 1 failed");
    expect(first.code).toBe(2);
    expect(names(output)).toEqual(["_PARTITIONS", "_a.jsonl.manifest", "_c.jsonl.manifest", "a.jsonl", "c.jsonl"]);
    rmSync(join(input, "b.parquet"));
    for (const name of ["a.jsonl", "c.jsonl"]) rmSync(join(output, name));
    mkdirSync(join(output, "a.jsonl"));
    const second = await run(task);
    expect(second.stderr).toContain("a.jsonl failed: ");
    expect(second.stderr).toContain("2 partitions, 1 written, 1 failed");
    rmSync(join(output, "a.jsonl"), { recursive: true });
    const third = await run(task);
    expect(third.stderr).toContain("2 partitions, 1 written, 1 whole already");
    expect(third.code).toBe(0);
  });
});

describe("shards", () => {
  it("divide the files", async () => {
    const files = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`${n}.jsonl`, rows(String(n), 1)]));
    const task = ["--input", inputs("shards", files), "--output", join(folder, "shards-out")];
    const both = await Promise.all([1, 2].map((i) => run(["score", ...tiny, ...task, "--shard", `${i}/2`])));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both[0]?.stderr).toContain("shard 1 of 2: 3 of 5 partitions");
    expect(both[1]?.stderr).toContain("2 partitions, 2 written");
    expect((await run(["score", ...task, "--check"])).code).toBe(0);
  });

  it.each(["0/2", "3/2", "1", "a/b"])("are not %s", async (shard) => {
    const { code, stderr } = await run([
      "score",
      ...tiny,
      "--input",
      folder,
      "--output",
      `${folder}/x`,
      "--shard",
      shard,
    ]);
    expect(stderr).toContain("Expected I/N with I from 1 to N, such as 1/4.");
    expect(code).toBe(2);
  });
});

describe("other formats", () => {
  it("give their outputs other names, and every option applies to each file by itself", async () => {
    const answers = (name: string) => jsonLines([{ prompt: name, responses: ["Paris.", "Lyon."] }]);
    const input = inputs("formats", { "a.jsonl.gz": gzipSync(answers("a")), "sub/b.jsonl": answers("b") });
    const csv = join(folder, "formats-csv");
    const best = ["--best", "--fields", "prompt,response,score", "--format", "csv"];
    expect((await run(["rank", ...tiny, "--input", input, "--output", `${csv}/`, ...best])).code).toBe(0);
    expect(outputs(csv)).toEqual(["a.csv.gz", "sub/b.csv"]);
    expect(readFileSync(join(csv, "sub/b.csv"), "utf8").split("\n")).toHaveLength(3);
    expect((await run(["rank", "--input", input, "--output", csv, "--check"])).code).toBe(0);
    const parquet = join(folder, "formats-parquet");
    expect((await run(["score", ...tiny, "--input", input, "--output", `${parquet}/`, "-f", "parquet"])).code).toBe(0);
    expect(outputs(parquet)).toEqual(["a.parquet", "sub/b.parquet"]);
    // The results are an input, without the manifests.
    const list = await run(["score", "--input", parquet, "--output", join(folder, "none"), "--list"]);
    expect(parseLines(list.stdout).map(({ partition }) => partition)).toEqual(["a.parquet", "sub/b.parquet"]);
  });
});

describe("what cannot be one output for each file is refused", () => {
  const cases: readonly (readonly [string, () => readonly string[], string])[] = [
    ["standard input", () => ["--input", "-", "--output", `${folder}/`], "standard input has none"],
    [
      "a text of the command line",
      () => ["--output", join(folder, "x"), "--shard", "1/1", "-p", "a", "-r", "b"],
      "one output for each file",
    ],
    ["no folder", () => ["--input", folder, "--shard", "1/2"], "--shard needs --output FOLDER"],
    ["a file", () => ["--input", inputs("f1"), "--output", file("f1.jsonl", ""), "--shard", "1/2"], "but it is a file"],
    [
      "a table",
      () => ["--input", inputs("f2"), "--output", `${folder}/f2-out/`, "-f", "table"],
      "a table is not written",
    ],
    [
      "two files of one name",
      () => {
        const at = inputs("f3");
        return ["--input", join(at, "a.jsonl"), join(at, "sub", "a.jsonl"), "--output", join(folder, "f3-out/")];
      },
      "would have the same output a.jsonl",
    ],
    [
      "a file that is given twice",
      () => {
        const at = inputs("f8");
        return ["--input", at, join(at, "a.jsonl"), "--output", join(folder, "f8-out/")];
      },
      "a.jsonl is given twice",
    ],
    [
      "inputs of which none is there",
      () => ["--input", join(folder, "f9-a.jsonl"), join(folder, "f9-b.csv"), "--output", join(folder, "f9-out/")],
      "f9-a.jsonl cannot be read: it does not exist",
    ],
    [
      "two files of one name in another format",
      () => ["--input", inputs("f4", { "a.csv": "", "a.jsonl": "" }), "--output", `${folder}/f4-out/`, "-f", "csv"],
      "would have the same output a.csv",
    ],
    [
      "the input itself",
      () => ["--input", join(inputs("f5"), "a.jsonl"), "--output", join(folder, "f5")],
      "would replace the input",
    ],
    [
      "a folder with files of other programs",
      () => ["--input", inputs("f6"), "--output", inputs("f6-out", { "a.jsonl": "mine" })],
      "was not written as a partition",
    ],
    [
      "a folder that cannot be",
      () => ["--input", inputs("f7"), "--output", `${file("f7.txt", "")}/sub/`],
      "is not a folder",
    ],
  ];
  it.each(cases)("%s", async (_, args, reason) => {
    const { code, stderr } = await run(["score", ...tiny, ...args()]);
    expect(stderr).toContain(reason);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("and makes no folder", () => {
    for (const name of ["f8-out", "f9-out"]) expect(existsSync(join(folder, name))).toBe(false);
  });

  it("and files of others stay", () => {
    expect(readFileSync(join(folder, "f6-out", "a.jsonl"), "utf8")).toBe("mine");
  });
});

describe("links", () => {
  it("to files are inputs, to the output folder is the folder, and none is written through", async () => {
    const input = inputs("links", { "a.jsonl": rows("a", 1) });
    renameSync(join(input, "a.jsonl"), join(folder, "links-a.jsonl"));
    symlinkSync(join(folder, "links-a.jsonl"), join(input, "a.jsonl"));
    const output = join(folder, "links-out");
    mkdirSync(output);
    symlinkSync(output, join(folder, "links-name"));
    const task = ["score", ...tiny, "--input", input, "--output", join(folder, "links-name")];
    expect((await run(task)).code).toBe(0);
    expect(outputs(output)).toEqual(["a.jsonl"]);
    rmSync(join(output, "a.jsonl"));
    symlinkSync(file("links-precious", "mine"), join(output, "a.jsonl"));
    const { code, stderr } = await run(task);
    expect(stderr).toContain("it is a symbolic link");
    expect(code).toBe(2);
    expect(readFileSync(join(folder, "links-precious"), "utf8")).toBe("mine");
  });
});

describe("an interruption", () => {
  it.runIf(process.platform !== "win32")("leaves what is whole and no debris", async () => {
    const { start, ended } = await import("../run-cli.ts");
    const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`${i}.jsonl`, rows(String(i), 200)]));
    const output = join(folder, "interrupted-out");
    const child = start(["score", ...tiny, "--input", inputs("interrupted", files), "--output", `${output}/`]);
    const result = ended(child);
    child.stdin.end();
    while (!existsSync(join(output, "_0.jsonl.manifest"))) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGINT");
    const { code, stderr } = await result;
    if (code === 0) return;
    expect(code).toBe(130);
    expect(stderr).toContain("the same command goes on from there");
    expect(names(output).filter((name) => name.startsWith("."))).toEqual([]);
    expect(names(output).length % 2).toBe(1);
  });
});
