/** Files of torch.save: what they hold, and everything that must be refused without running, crashing or allocating. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTorchFile } from "../../../src/checkpoint/torch-file.ts";
import { openFile } from "../../../src/files/byte-source.ts";
import { isStarlingError } from "../../../src/index.ts";
import { randomOf } from "../../random.ts";
import { op, torchFile, view, zip } from "./make-torch-file.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-torch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

async function read(bytes: Uint8Array) {
  const path = join(folder, `${files++}.bin`);
  writeFileSync(path, bytes);
  const file = await openFile(path);
  try {
    return await readTorchFile(file);
  } finally {
    await file.close();
  }
}

const floats = (count: number) => new Uint8Array(4 * count).fill(1);
const named = (name: string, value: Buffer) => Buffer.concat([op.text(name), value]);
const one = { pickle: op.dict(named("a", view({ length: 6, shape: [2, 3] }))), storages: { 0: floats(6) } };

describe("what torch.save writes", () => {
  it("is found where it lies", async () => {
    const storage = Uint8Array.from({ length: 24 }, (_, i) => i);
    const bytes = torchFile({ ...one, storages: { 0: storage } });
    const [tensor, ...others] = await read(bytes);
    expect(others).toEqual([]);
    expect(tensor).toMatchObject({ name: "a", dtype: "F32", shape: [2, 3], size: 24 });
    const { position, size } = tensor as { position: number; size: number };
    expect([...bytes.subarray(position, position + size)]).toEqual([...storage]);
  });

  it("may share storages, be wrapped, and hold what is no tensor", async () => {
    const tensors = op.orderedDict(
      named("a", view({ length: 6, shape: [2, 2] })),
      named("b", view({ length: 6, offset: 4, shape: [2] })),
      named("tied", view({ length: 6, shape: [2, 2] })),
      named("scalar", view({ length: 6, offset: 5, shape: [] })),
      named("half", view({ storageType: "HalfStorage", key: "1", length: 3, shape: [3] })),
      named("brain", view({ storageType: "BFloat16Storage", key: "2", length: 3, shape: [1, 3], strides: [77, 1] })),
    );
    const pickle = op.dict(named("epoch", op.int(3)), named("state_dict", tensors));
    const entries = await read(
      torchFile({ pickle, storages: { 0: floats(6), 1: new Uint8Array(6), 2: new Uint8Array(6) } }),
    );
    expect(entries.map(({ name, dtype, size }) => [name, dtype, size])).toEqual([
      ["a", "F32", 16],
      ["b", "F32", 8],
      ["tied", "F32", 16],
      ["scalar", "F32", 4],
      ["half", "F16", 6],
      ["brain", "BF16", 6],
    ]);
    expect((entries[1]?.position as number) - (entries[0]?.position as number)).toBe(16);
  });

  it("may be an archive with 64-bit fields, a comment, and files of other names", async () => {
    const more = [{ name: "archive/version", data: Buffer.from("3\n"), wide: true }];
    for (const options of [{ wideEnd: true }, { comment: "PK\x05\x06 a comment" }, { wideEnd: true, comment: "x" }])
      expect(await read(torchFile({ ...one, more }, options))).toHaveLength(1);
    expect(await read(withEnd64(() => {}))).toHaveLength(1);
    expect(
      await read(torchFile({ ...one, more: [{ name: "archive/byteorder", data: Buffer.from("little") }] })),
    ).toHaveLength(1);
  });

  it("is read of genuine files", async () => {
    const fixture = (name: string) => join("test", "fixtures", "checkpoints", "bin-f16", name);
    const index = JSON.parse(readFileSync(fixture("pytorch_model.bin.index.json"), "utf8"));
    for (const name of new Set<string>(Object.values(index.weight_map))) {
      const file = await openFile(fixture(name));
      const entries = await readTorchFile(file);
      await file.close();
      const expected = Object.keys(index.weight_map).filter((tensor) => index.weight_map[tensor] === name);
      expect(entries.map((entry) => entry.name).sort()).toEqual(expected.sort());
    }
  });
});

const bare = (pickle: Buffer) => torchFile({ pickle });
const tensorOf = (changes: Parameters<typeof view>[0], bytes = 24) =>
  torchFile({ pickle: op.dict(named("a", view(changes))), storages: { 0: new Uint8Array(bytes) } });

const tensorNamedBy = (name: Buffer) =>
  torchFile({
    pickle: op.dict(Buffer.concat([name, view({ length: 6, shape: [6] })])),
    storages: { 0: floats(6) },
  });

/** Leaves the tensor on the stack, and its shape's list longer by a text. */
const tensorThenAppend = Buffer.concat([
  op.global("torch._utils", "_rebuild_tensor_v2"),
  Buffer.from("("),
  op.tuple(op.text("storage"), op.global("torch", "FloatStorage"), op.text("0"), op.text("cpu"), op.int(6)),
  Buffer.from("Q"),
  op.int(0),
  Buffer.from("]q\x05"),
  op.int(6),
  Buffer.from("a"),
  op.tuple(op.int(1)),
  Buffer.from("tRq\x06h\x05"),
  op.text("six"),
  Buffer.from("a"),
  // The list is taken off again as the state of a dictionary.
  Buffer.from("}h\x05b"),
]);

function withEnd(change: (end: Buffer) => void): Buffer {
  const whole = torchFile(one);
  change(whole.subarray(whole.length - 22));
  return whole;
}

/** With a 64-bit record whose values are also in the end record, as torch.save writes both, and then a change. */
function withEnd64(change: (end: Buffer, values: readonly [number, number, number]) => void): Buffer {
  const whole = torchFile(one, { wideEnd: true });
  const [record, end] = [whole.subarray(whole.length - 98), whole.subarray(whole.length - 22)];
  const values = [32, 40, 48].map((at) => Number(record.readBigUInt64LE(at))) as [number, number, number];
  end.writeUInt16LE(values[0], 8);
  end.writeUInt16LE(values[0], 10);
  end.writeUInt32LE(values[1], 12);
  end.writeUInt32LE(values[2], 16);
  change(end, values);
  return whole;
}

/** "b" is empty, and its header is a part of what "a" holds. */
function nestedHeader(): Buffer {
  const inner = zip([{ name: "b", data: new Uint8Array() }]);
  const header = inner.subarray(0, inner.readUInt32LE(inner.length - 6));
  const outside = zip([{ name: "a", data: header }]);
  const at = outside.indexOf(header);
  return zip([
    { name: "a", data: header },
    { name: "b", data: new Uint8Array(), claimedPosition: at },
  ]);
}

describe("refused in words", () => {
  it.each<[string, Uint8Array, RegExp]>([
    [
      "an empty file",
      Buffer.alloc(0),
      /is truncated, has extra bytes at its end, or is not a torch\.save file: its zip directory is not at its end\.$/,
    ],
    [
      "garbage",
      Buffer.from("not a zip at all, but long enough to hold one".repeat(3)),
      /is truncated, has extra bytes at its end, or is not a torch\.save file: its zip directory is not at its end\.$/,
    ],
    [
      "the format before PyTorch 1.6",
      Buffer.from([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e, 0x80]),
      /before PyTorch 1\.6.*Save it again: torch\.save/,
    ],
    ["an archive without a pickle", zip([{ name: "a/b", data: floats(1) }]), /contains no \*\/data\.pkl/],
    [
      "two pickles",
      zip([
        { name: "a/data.pkl", data: op.stop },
        { name: "b/data.pkl", data: op.stop },
      ]),
      /contains 2 \*\/data\.pkl/,
    ],
    [
      "two files of one name",
      zip([
        { name: "a", data: floats(1) },
        { name: "a", data: floats(1) },
      ]),
      /two files named "a"/,
    ],
    ["a compressed file", zip([{ name: "a/data.pkl", data: op.stop, method: 8 }]), /compressed file "a\/data\.pkl"/],
    ["an encrypted file", zip([{ name: "a/data.pkl", data: op.stop, flags: 1 }]), /encrypted file/],
    [
      "a file beyond the end",
      zip([{ name: "a/data.pkl", data: op.stop, claimedSize: 999 }]),
      /file data overflows file bounds/,
    ],
    [
      "a file that goes on into the directory",
      zip([{ name: "a/data.pkl", data: op.stop, claimedSize: 40 }]),
      /ends at byte \d+, beyond the archive/,
    ],
    [
      "a file without a header",
      zip([{ name: "a/data.pkl", data: op.stop, claimedPosition: 9 }]),
      /invalid local file header signature/,
    ],
    [
      "files over each other",
      zip([
        { name: "a/data.pkl", data: Buffer.alloc(64), claimedSize: 200 },
        { name: "a/data/0", data: Buffer.alloc(256) },
      ]),
      /places the file "a\/data\/0" over the one before it/,
    ],
    ["an empty file with its header inside another file", nestedHeader(), /places the file "b" over the one before it/],
    [
      "a file with another name in the directory than where it lies",
      zip([
        { name: "a/data.pkl", data: op.stop },
        { name: "b/data.pkl", data: op.stop, claimedPosition: 0 },
      ]),
      /gives the file "b\/data\.pkl" another name/,
    ],
    [
      "a directory with more files than it says",
      withEnd((end) => end.writeUInt16LE(1, 10)),
      /more or fewer files than its end says/,
    ],
    [
      "a directory that goes on into the end of the file",
      withEnd((end) => end.writeUInt32LE(end.readUInt32LE(12) + 1, 12)),
      /its directory overlaps the end/,
    ],
    [
      "a file without its last byte",
      torchFile(one).subarray(0, -1),
      /is truncated, has extra bytes at its end, or is not a torch\.save file: its zip directory is not at its end\.$/,
    ],
    [
      "bytes after the archive",
      Buffer.concat([torchFile(one), Buffer.from("more")]),
      /is truncated, has extra bytes at its end, or is not a torch\.save file: its zip directory is not at its end\.$/,
    ],
    ...[-1, 1].flatMap((by): [string, Uint8Array, RegExp][] => [
      [
        `an end record whose number of files is ${by} off the 64-bit record's`,
        withEnd64((end) => end.writeUInt16LE(2 + by, 10)),
        /the two records at the end of its zip archive contradict each other\.$/,
      ],
      [
        `an end record whose size of the directory is ${by} off the 64-bit record's`,
        withEnd64((end, [, size]) => end.writeUInt32LE(size + by, 12)),
        /contradict each other/,
      ],
      [
        `an end record whose position of the directory is ${by} off the 64-bit record's`,
        withEnd64((end, [, , position]) => end.writeUInt32LE(position + by, 16)),
        /contradict each other/,
      ],
    ]),
    [
      "a number of files in a 64-bit record that is missing",
      withEnd((end) => end.writeUInt16LE(0xffff, 10)),
      /is damaged: the 64-bit record of its zip directory is missing\.$/,
    ],
    [
      "another byte order",
      torchFile({ ...one, more: [{ name: "archive/byteorder", data: Buffer.from("big") }] }),
      /byte order "big"/,
    ],
    [
      "a function that could do harm",
      bare(Buffer.concat([op.global("os", "system"), op.tuple(op.text("touch /tmp/x")), Buffer.from("R")])),
      /refers to "os\.system".*it was not run/,
    ],
    [
      "one by way of the stack",
      bare(Buffer.concat([op.proto(4), op.text("builtins"), op.text("eval"), Buffer.from([0x93])])),
      /refers to "builtins\.eval"/,
    ],
    [
      "a call of something that is not a function",
      bare(Buffer.concat([op.int(1), op.tuple(), Buffer.from("R")])),
      /calls something that is not a function/,
    ],
    [
      "an operation that makes objects",
      bare(Buffer.concat([op.global("collections", "OrderedDict"), op.tuple(), Buffer.from([0x81])])),
      /pickle operation 0x81 at byte/,
    ],
    [
      "a pickle that ends early",
      bare(Buffer.from([0x58, 0xff, 0xff, 0xff, 0x7f])),
      /ends in the middle of an operation/,
    ],
    ["a value that is not there", bare(Buffer.from("u")), /closes a list that was never opened/],
    ["an empty memo", bare(Buffer.from([0x68, 7])), /gets memo entry 7/],
    ["two values", bare(Buffer.concat([op.int(1), op.int(2)])), /ends with more than one value/],
    ["a number without end", bare(Buffer.from([0x8a, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1])), /a number of 9 bytes/],
    ["a newer protocol", bare(op.proto(6)), /pickle protocol 6/],
    ["what is not a dictionary", bare(op.int(3)), /something other than a dictionary/],
    ["no tensor at all", bare(op.dict(named("a", op.int(3)))), /contains no tensor/],
    [
      "something persistent that is no storage",
      bare(Buffer.concat([op.tuple(op.text("module"), op.int(3)), Buffer.from("Q")])),
      /not a storage of numbers/,
    ],
    [
      "a byte order with much behind it",
      torchFile({ ...one, more: [{ name: "archive/byteorder", data: Buffer.from("big".padEnd(40)) }] }),
      /byte order "big"/,
    ],
    [
      "a tensor twice",
      torchFile({
        pickle: op.dict(named("a", view({ length: 6, shape: [6] })), named("a", view({ length: 6, shape: [2, 3] }))),
        storages: { 0: floats(6) },
      }),
      /sets "a" twice in one dictionary/,
    ],
    [
      "a tensor named by lists in lists, more than the stack could hold",
      tensorNamedBy(Buffer.concat([Buffer.from(")"), Buffer.alloc(1_000_000, 0x85)])),
      /names a tensor by a list, which is not text/,
    ],
    [
      "a tensor named by a list that holds itself twice, twice over",
      tensorNamedBy(Buffer.concat([Buffer.from(")q\x00"), ...Array(60).fill(Buffer.from("h\x00\x86q\x00", "latin1"))])),
      /names a tensor by a list, which is not text/,
    ],
    ["millions of dictionaries", bare(Buffer.alloc(3_000_000, "}")), /has more than 2000000 operations/],
    ["a tensor without storage", torchFile({ pickle: one.pickle }), /has no storage "0" of the tensor "a"/],
    [
      "a storage of another size",
      tensorOf({ length: 6, shape: [2, 3] }, 20),
      /stores 20 bytes for the tensor "a" but declares 6 values of F32/,
    ],
    ["a tensor beyond its storage", tensorOf({ length: 6, shape: [7] }), /beyond the end of its storage/],
    ["an offset beyond it", tensorOf({ length: 6, offset: 4, shape: [3] }), /beyond the end of its storage/],
    ["a shape that overflows", tensorOf({ length: 6, shape: [2 ** 40, 2 ** 40] }), /beyond the end of its storage/],
    [
      "a transposed tensor",
      tensorOf({ length: 6, shape: [2, 3], strides: [1, 2] }),
      /stores the tensor "a" non-contiguously \(strides \[1, 2\]\)/,
    ],
    ["a negative dimension", tensorOf({ length: 6, shape: [-1] }), /describes a tensor by something other/],
    [
      "too many dimensions",
      tensorOf({ length: 1, shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }, 4),
      /describes a tensor by something other/,
    ],
  ])("%s", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: "ERR_INVALID_CHECKPOINT",
      message: expect.stringMatching(message),
    });
  });

  it("a directory that claims to be huge", async () => {
    const whole = torchFile(one);
    const claims: [number, number][] = [
      [whole.length - 10, 0x7fffffff],
      [whole.length - 6, 0x7fffffff],
      [whole.length - 12, 0xfffe],
    ];
    for (const [at, value] of claims) {
      const broken = Buffer.from(whole);
      if (value === 0xfffe) broken.writeUInt16LE(value, at);
      else broken.writeUInt32LE(value, at);
      await expect(read(broken)).rejects.toMatchObject({ code: "ERR_INVALID_CHECKPOINT" });
    }
  });
});

it("takes a tensor's shape as it was when the tensor was made", async () => {
  const pickle = op.dict(named("a", tensorThenAppend));
  const [tensor] = await read(torchFile({ pickle, storages: { 0: floats(6) } }));
  expect(tensor).toMatchObject({ shape: [6], size: 24 });
});

it("answers every mutation with an error or a list, and nothing else", { timeout: 60_000 }, async () => {
  const genuine = readFileSync(join("test", "fixtures", "checkpoints", "bin-f16", "pytorch_model-00002-of-00002.bin"));
  const made = torchFile(
    { ...one, more: [{ name: "archive/version", data: Buffer.from("3\n"), wide: true }] },
    { wideEnd: true },
  );
  const random = randomOf(1);
  for (let round = 0; round < 1500; round++) {
    const source = round % 3 === 0 ? genuine : made;
    let bytes = Buffer.from(source);
    const pickle = bytes.indexOf("data.pkl");
    for (let k = 0; k < 1 + random(4); k++) {
      // Most of a genuine file is numbers: its pickle and its directory are what can go wrong.
      const at = random(2) === 0 ? pickle + random(1400) : bytes.length - 1 - random(600);
      if (at >= 0 && at < bytes.length) bytes[at] = random(3) === 0 ? 0xff : random(256);
    }
    if (random(10) === 0) bytes = bytes.subarray(0, random(bytes.length));
    await read(bytes).catch((error: unknown) => {
      if (!isStarlingError(error)) throw error;
    });
  }
});
