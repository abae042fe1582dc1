/** readItems(): any input as items to score. */
import { mkdirSync, readdir, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { openLocalFolder } from "../../../src/checkpoint/folder.ts";
import { openFile } from "../../../src/files/byte-source.ts";
import { parseDatasetSpec, parseRepository } from "../../../src/hub/address.ts";
import { below, findFiles, matching } from "../../../src/inputs/find-files.ts";
import { ItemSource } from "../../../src/inputs/item-source.ts";
import { openInput } from "../../../src/inputs/open-input.ts";
import { readItems } from "../../../src/inputs/read-items.ts";
import { modelPathOf } from "../../../src/model-path.ts";
import { openRows } from "../../../src/rows/open-rows.ts";
import { COMMIT } from "../hub/fake-hub.ts";
import { emptyFolder, startHub } from "../hub/support.ts";
import { collect } from "../rows/support.ts";

const folder = emptyFolder();
function file(name: string, content: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

it("yields each row with its items, its fields and its place", async () => {
  const one = file("one.csv", "question;answer;id\nQ;A;7\n;B;8\n");
  const two = file("two.jsonl", '{"prompt":"P","responses":["a","b"],"id":12345678901234567890}\nbroken\n');
  const notices: string[] = [];
  const rows = await collect(readItems([one, two], {}, { onNotice: (message) => void notices.push(message) }));
  expect(rows).toMatchObject([
    {
      file: one,
      row: 1,
      where: `${one}, line 2`,
      value: { question: "Q", answer: "A", id: "7" },
      many: false,
      items: [{ prompt: "Q", response: "A" }],
      from: { prompt: ["question"], response: ["answer"] },
    },
    { file: one, row: 2, error: { code: "ERR_INVALID_ITEM" } },
    {
      file: two,
      row: 1,
      where: `${two}, line 1`,
      many: true,
      items: [{ response: "a" }, { response: "b" }],
      json: expect.stringContaining("12345678901234567890"),
    },
    { file: two, row: 2, error: { code: "ERR_INVALID_JSON" } },
  ]);
  expect(rows.map(({ fraction }) => fraction)).toEqual([...rows.map(({ fraction }) => fraction)].sort());
  expect(rows.at(-1)?.fraction).toBe(1);
  expect(notices).toEqual([
    `${one} is CSV with semicolons between its fields`,
    'reading prompt from "question", response from "answer"',
    'reading response from "answer"',
  ]);
});

it("names the row's own field in an error", async () => {
  const [row] = await collect(readItems(file("bad.jsonl", '{"q":5,"response":"a"}'), { prompt: "q" }));
  expect(row).toMatchObject({
    error: { message: expect.stringMatching(/for row\.prompt but received .*\(prompt is read from "q"\)\.$/) },
  });
});

describe("says of a row what would read it", () => {
  const refusal = async (row: object, mapping = {}, many = false): Promise<string> => {
    const [one] = await collect(
      (await ItemSource.open([file("row.jsonl", JSON.stringify(row))], mapping, { many })).rows(),
    );
    return one !== undefined && "error" in one ? one.error.message : "";
  };
  const texts = { prompt: "a", response: "b" };

  it.each<[object, RegExp]>([
    [
      { data: [texts, texts] },
      /only "data"\. Its rows are inside "data": .*\(jq -c '\.data\[\]' FILE > ROWS\.jsonl\)\.$/,
    ],
    [{ version: 1, out: { "my rows": [texts] } }, /jq -c '\.out\."my rows"\[\]' FILE/],
    [{ features: [{ name: "prompt" }], rows: [{ row_idx: 0, row: texts }] }, /jq -c '\.rows\[\]\.row' FILE/],
    [{ id: 1, sources: [{ url: "x" }] }, /\(--field prompt=NAME --field response=NAME reads other fields\)\.$/],
    [{ row: texts }, /inside "row": --field prompt=row\.prompt --field response=row\.response reads them\.$/],
    [{ row: { conversations: [] } }, /--field messages=row\.conversations reads them/],
    [{ prompt: { "0": "a", "1": "b" }, response: { "0": "c", "1": "d" } }, /table by columns: pandas .*lines=True/],
    [{ columns: ["prompt"], index: [0], data: [["a"]] }, /table by columns: pandas/],
    [{ prompt: ["a", "b"], response: ["c", "d"] }, /table by columns: `jq -c .*transpose/],
    [
      { role: "user", content: "a" },
      /only "role", "content"\. It is a message, and a row is a whole conversation: `jq -c '\{messages: \.\}' FILE` makes rows of lists of messages\.$/,
    ],
    [{ id: 1, conversations: [] }, /only "id", "conversations" \(empty\) \(--field/],
    [
      { prompt: { id: 3, text: "a" }, response: "b" },
      /received an object with "id", "text"\. --field prompt=prompt\.text reads "text"\.$/,
    ],
    [{ prompt: "a", response: { id: "x", answer: "b" } }, /--field response=response\.answer reads "answer"\.$/],
    [{ prompt: "a", response: ["b"] }, /--field responses=response scores each of its texts\.$/],
    [
      { prompt: "a", responses: [{ text: "b" }] },
      /`jq -c '\.responses \|= map\(\.text\)' FILE` writes lists of the texts\.$/,
    ],
    [
      { messages: { id: 1, turns: [{ role: "user", content: "a" }] } },
      /--field messages=messages\.turns reads "turns"/,
    ],
    [
      { prompt: "a", response: null, id: 1 },
      /^Expected "response" or "responses" beside "prompt", but "response" is null: a row/,
    ],
    [{ question: "a", answer: null }, /beside "prompt", but "answer" is null/],
    [{ question: "a", id: 1 }, /the row has only "id", "question" \(--field response=NAME reads other fields\)\.$/],
    [{ prompt: null, response: "b" }, /^Expected "prompt" or "messages" beside "response", but "prompt" is null/],
    [
      { answer: "b", id: 1 },
      /^Expected "prompt" or "messages" beside "response", .* "id", "answer" \(--field prompt=NAME/,
    ],
  ])("%j", async (row, message) => {
    expect(await refusal(row)).toMatch(message);
  });

  it("whose texts are bytes", async () => {
    const path = join(folder, "bytes.parquet");
    const columnData = [
      { name: "question", data: [new Uint8Array([0xff, 0xfe])], type: "BYTE_ARRAY" as const },
      { name: "answer", data: ["a"], type: "STRING" as const },
    ];
    writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData })));
    const [row] = await collect(readItems(path));
    expect(row).toMatchObject({
      error: {
        message: expect.stringMatching(
          /for row\.prompt but received bytes .*\(prompt is read from "question"\)\. "question" is a binary column: write its texts/,
        ),
      },
    });
  });

  it("under the row's own names", async () => {
    expect(await refusal({ q: { text: "a" }, response: "b" }, { prompt: "q" })).toMatch(
      /\(prompt is read from "q"\)\. --field prompt=q\.text reads "text"\.$/,
    );
    expect(await refusal({ q: null, response: "b" }, { prompt: "q" })).toMatch(/but "q" is null/);
  });

  it("so that it is read", async () => {
    const one = { prompt: { id: 3, text: "a" }, response: { text: "b" } };
    const mapping = { prompt: "prompt.text", response: "response.text" };
    const [row] = await collect(readItems(file("inside.jsonl", JSON.stringify(one)), mapping));
    expect(row).toMatchObject({ items: [texts] });
  });

  it("that is a preference of transcripts", async () => {
    const side = (text: string) => `\n\nHuman: hi\n\nAssistant: ${text}`;
    const row = { chosen: side("hello"), rejected: side("no") };
    expect(await refusal(row)).toMatch(
      /"chosen" is a whole conversation written as one text, .* list of messages .*\(score --field text=chosen\)\.$/,
    );
    expect(await refusal(row, {}, true)).toMatch(
      /"chosen" and "rejected" are whole conversations .*--field text=chosen or/,
    );
    expect(await refusal(row, { text: "chosen" })).toBe("");
  });
});

describe("refuses", () => {
  it.each([
    [[], {}, {}, /Expected the name of a file, or a list of names, for input/],
    [["x"], [], {}, /for mapping/],
    [["x"], {}, { fromat: "csv" }, /Did you mean "format"/],
    [["x"], {}, { format: "xml" }, /one of "jsonl"/],
  ])("%j, %j, %j", (input, mapping, options, message) => {
    expect(() => readItems(input, mapping as never, options as never)).toThrow(message);
  });

  it("what is not there, before any row", async () => {
    await expect(collect(readItems("/nowhere.csv"))).rejects.toThrow(/does not exist/);
    await expect(collect(readItems(emptyFolder()))).rejects.toThrow(/is a folder without data files/);
    await expect(collect(readItems(file("x.jsonl", "{}"), { promt: "q" }))).rejects.toThrow(/Did you mean "prompt"/);
  });
});

it("finds files by pattern and in folders, in order, and a file with a name like a pattern", async () => {
  const [a, b, c] = [file("many/b.csv", ""), file("many/a.jsonl.xz", ""), file("many/sub/c.parquet", "")];
  file("many/.hidden/d.csv", "");
  file("many/readme.md", "");
  const odd = file("many/sub/e[1].csv", "");
  const paths = async (...inputs: string[]) => (await findFiles(inputs)).map(({ path }) => path);
  expect(await paths(join(folder, "many"))).toEqual([b, a, c, odd]);
  expect(await paths(join(folder, "many", "*.csv"), b)).toEqual([a, b]);
  expect(await paths(odd)).toEqual([odd]);
  await expect(paths(join(folder, "none-*.csv"))).rejects.toThrow(/does not exist, and no file matches it/);
});

it("does not take the description of a data set for rows of it", async () => {
  const rows = file("clone/data/train.parquet", "");
  for (const name of ["README.md", "dataset_infos.json"]) file(`clone/${name}`, "{}");
  expect((await findFiles([join(folder, "clone")])).map(({ path }) => path)).toEqual([rows]);
});

describe("a folder with Arrow files", () => {
  const below = (name: string) => findFiles([join(folder, name)]);
  const saved = (name: string) => {
    for (const one of ["state.json", "dataset_info.json"]) file(`${name}/${one}`, "{}");
    file(`${name}/data-00000-of-00001.arrow`, "");
  };
  const shown = (...parts: string[]) => JSON.stringify(join(folder, ...parts));

  it("is not read for the JSON files in it, where datasets.save_to_disk wrote it", async () => {
    saved("saved");
    await expect(below("saved")).rejects.toThrow(
      "is a data set saved by datasets.save_to_disk, in Arrow files, which starling-rm cannot read. Export it in Python with " +
        `datasets.load_from_disk(${shown("saved")}).to_parquet("saved.parquet") and pass that file.`,
    );
    for (const split of ["train", "test"]) saved(`splits/${split}`);
    file("splits/dataset_dict.json", "{}");
    await expect(below("splits")).rejects.toThrow(
      `datasets.load_from_disk(${shown("splits")})["test"].to_parquet("test.parquet")`,
    );
    saved("among/others");
    file("among/rows.jsonl", "");
    await expect(below("among")).rejects.toThrow(
      `contains a data set, ${join(folder, "among", "others")}, saved by datasets.save_to_disk`,
    );
  });

  it("says how to export them, and is read where it has other files", async () => {
    file("cached/dataset_info.json", "{}");
    const arrow = file("cached/set-train.arrow", "");
    await expect(below("cached")).rejects.toThrow(
      `has its rows in Arrow files, which starling-rm cannot read. Export them in Python with datasets.Dataset.from_file(${JSON.stringify(arrow)}).to_parquet("set-train.parquet")`,
    );
    file("feather/x.feather", "");
    await expect(below("feather")).rejects.toThrow("pandas.read_feather(");
    const rows = file("feather/x.parquet", "");
    expect((await below("feather")).map(({ path }) => path)).toEqual([rows]);
    file("feather/x.parquet.gz", "");
    expect(await below("feather")).toHaveLength(2);
  });

  it.each([
    ["part-1.arrow", /datasets\.Dataset\.from_file\(".*part-1\.arrow"\)\.to_parquet\("part-1\.parquet"\)/],
    ["part-1.feather", /pandas\.read_feather\(/],
    ["part-1.jsonl.bz2", /bunzip2/],
    ["part-1.csv.zip", /unpacked/],
    ["part-1.avro", /parquet or JSON lines/],
    ["part-1.orc", /parquet or JSON lines/],
    ["part-1.xlsx", /CSV/],
  ])("is not read without them where it has other files, too: %s", async (name, advice) => {
    const [part, ending] = ["part-0.jsonl", name.replaceAll(".", "-")];
    file(`mixed-${ending}/${part}`, "");
    const other = file(`mixed-${ending}/${name}`, "");
    const reading = below(`mixed-${ending}`);
    await expect(reading).rejects.toThrow(`has data that is not read beside its data files: ${other}`);
    await expect(reading).rejects.toThrow(advice);
    await expect(reading).rejects.toThrow(/or give the files that are meant/);
  });
});

it("follows links to folders, and reads every file once", async () => {
  const a = file("links/a.csv", "");
  file("elsewhere/b.csv", "");
  file("elsewhere/sub/c.csv", "");
  const inside = file("links/sub/d.csv", "");
  file("links/.store/e.csv", "");
  const at = (name: string) => join(folder, "links", name);
  symlinkSync(join(folder, "elsewhere"), at("far"));
  symlinkSync(join(folder, "elsewhere", "sub"), at("far-again"));
  symlinkSync(at("sub"), at("latest"));
  symlinkSync(at(".store"), at("stored"));
  symlinkSync(at("."), at("loop"));
  symlinkSync(folder, at("sub/up"));
  symlinkSync(at("sub"), join(folder, "elsewhere", "back"));
  symlinkSync(at("nothing"), at("dangling"));
  file("spark/part-0.parquet", "");
  symlinkSync(join(folder, "spark"), at("table.parquet"));
  const names = (await findFiles([join(folder, "links")])).map(({ path }) => path);
  expect(names).toEqual([
    a,
    at("far/b.csv"),
    at("far/sub/c.csv"),
    at("stored/e.csv"),
    inside,
    at("table.parquet/part-0.parquet"),
  ]);
  symlinkSync(join(folder, "links"), join(folder, "link-itself"));
  const through = (await findFiles([join(folder, "link-itself")])).map(({ path }) => path);
  expect(through).toEqual(names.map((path) => path.replace("links", "link-itself")));
});

describe("a folder that cannot be read", () => {
  const denied = (path: string) =>
    Object.assign(new Error(`EACCES: permission denied, scandir '${path}'`), { code: "EACCES", path });

  it("is named with the reason, also below the one that was given", async () => {
    const inner = join(folder, "many", "closed");
    const readFolder = (() => Promise.reject(denied(inner))) as unknown as Parameters<typeof below>[1];
    await expect(below(join(folder, "many"), readFolder)).rejects.toThrow(
      `The folder ${inner} cannot be read: permission denied.`,
    );
  });

  it("fails a pattern, whose files may be in it", async () => {
    file("some/a/x.jsonl", "");
    file("some/b/x.jsonl", "");
    const readFolder = ((path: string, options: object, done: (error: unknown, entries?: unknown) => void) =>
      /[\\/]b[\\/]?$/.test(path) ? done(denied(path)) : readdir(path, options as never, done)) as never;
    const pattern = join(folder, "some", "*", "*.jsonl");
    await expect(matching(pattern, readFolder)).rejects.toThrow(
      /folder .*[\\/]b[\\/]? cannot be read: permission denied\.$/,
    );
    expect(await matching(pattern)).toHaveLength(2);
  });
});

it("says that several inputs have no rows", async () => {
  const [a, b] = [file("none/a.jsonl", ""), file("none/b.json", "[]")];
  expect((await ItemSource.open([a], {}, {})).noRows).toBe(`${a} has no rows`);
  expect((await ItemSource.open([a, b], {}, {})).noRows).toBe("none of the 2 inputs has rows");
});

describe("a URL", () => {
  it.each([
    ["https://huggingface.co/datasets/o/n", "write hf:o/n"],
    ["https://huggingface.co/datasets/o/n/viewer/default/train?row=3", "write hf:o/n"],
    ["https://huggingface.co/datasets/o/n/blob/main/data/a%20b.jsonl", 'write "hf:o/n/data/a b.jsonl"'],
    ["https://hf.co/datasets/o/n/resolve/v1.0/x.jsonl?download=true", "write hf:o/n@v1.0/x.jsonl"],
    [
      "https://huggingface.co/datasets/o/n/tree/refs%2Fconvert%2Fparquet/all",
      "write hf:o/n@refs%2Fconvert%2Fparquet/all",
    ],
    ["https://huggingface.co/o/n/resolve/main/x.gguf", "write hf:o/n/x.gguf"],
    ["https://huggingface.co/spaces/o/n", "download the file first"],
    ["https://example.com/x.jsonl", "download the file first"],
    ["s3://bucket/x.parquet", "download the file first"],
  ])("%s is no file", async (url, advice) => {
    const message = `${url} cannot be read: it is a URL, and URLs are not read: ${advice}.`;
    await expect(collect(readItems(url))).rejects.toThrow(message);
    await expect(openRows(url)).rejects.toThrow(message);
    await expect(modelPathOf(url).then(openFile)).rejects.toThrow(message);
    await expect(openLocalFolder(url)).rejects.toThrow(message);
    // Where texts are read the hub is not.
    await expect(openInput(url)).rejects.toThrow(`${url} cannot be read: it is a URL, and URLs are not read: download`);
  });

  it("in place of a repository is answered with its name", () => {
    expect(() => parseRepository("https://huggingface.co/o/n/tree/main")).toThrow(
      /received "https:.*": write hf:o\/n\.$/,
    );
    expect(() => parseDatasetSpec("hf://datasets/o/n/x.jsonl")).toThrow(
      /received "hf:\/\/.*": write hf:o\/n\/x\.jsonl\.$/,
    );
  });
});

it("reads a data set on the hub", async () => {
  const hub = await startHub({ "data/a.jsonl": '{"question":"Q","answer":"A"}\n', "b.csv": "x\n1\n" });
  hub.kind = "dataset";
  const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
  const [row, ...more] = await collect(readItems(`hf:${hub.repository}/data/a.jsonl`, {}, options));
  expect(more).toEqual([]);
  expect(row).toMatchObject({
    file: `hf:${hub.repository}@${COMMIT}/data/a.jsonl`,
    items: [{ prompt: "Q", response: "A" }],
  });
  await expect(collect(readItems(`hf:${hub.repository}`, {}, options))).rejects.toThrow(/several files: name one/);
});
