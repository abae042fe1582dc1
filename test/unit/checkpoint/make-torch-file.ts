/** Writes files as torch.save does, whole ones and broken ones: nothing is checked. */

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** Writes its sizes and position as 64-bit fields. */
  readonly wide?: boolean;
  /** What the directory says of its size, where that is to be wrong. */
  readonly claimedSize?: number;
  readonly claimedPosition?: number;
}

const U32 = 0xffffffff;

/** An archive of stored files, each at a multiple of 64 bytes as PyTorch aligns them. */
export function zip(entries: readonly ZipEntry[], { wideEnd = false, comment = "" } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let position = 0;
  const add = (bytes: Buffer) => {
    parts.push(bytes);
    position += bytes.length;
  };
  for (const { name, data, method = 0, flags = 0, wide = false, claimedSize, claimedPosition } of entries) {
    const nameBytes = Buffer.from(name);
    const padding = (64 - ((position + 30 + nameBytes.length + 4) % 64)) % 64;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(nameBytes.length, 26);
    local.writeUInt16LE(4 + padding, 28);
    const header = claimedPosition ?? position;
    const size = claimedSize ?? data.length;
    const extra = Buffer.alloc(4 + padding);
    extra.writeUInt16LE(0x4246, 0);
    extra.writeUInt16LE(padding, 2);
    add(Buffer.concat([local, nameBytes, extra, data]));

    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(flags, 8);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(wide ? U32 : size, 20);
    entry.writeUInt32LE(wide ? U32 : size, 24);
    entry.writeUInt16LE(nameBytes.length, 28);
    entry.writeUInt16LE(wide ? 28 : 0, 30);
    entry.writeUInt32LE(wide ? U32 : header, 42);
    const wideExtra = Buffer.alloc(wide ? 28 : 0);
    if (wide) {
      wideExtra.writeUInt16LE(1, 0);
      wideExtra.writeUInt16LE(24, 2);
      wideExtra.writeBigUInt64LE(BigInt(size), 4);
      wideExtra.writeBigUInt64LE(BigInt(size), 12);
      wideExtra.writeBigUInt64LE(BigInt(header), 20);
    }
    directory.push(Buffer.concat([entry, nameBytes, wideExtra]));
  }
  const start = position;
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  for (const entry of directory) add(entry);
  if (wideEnd) {
    const end64 = Buffer.alloc(56);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeBigUInt64LE(BigInt(entries.length), 24);
    end64.writeBigUInt64LE(BigInt(entries.length), 32);
    end64.writeBigUInt64LE(BigInt(size), 40);
    end64.writeBigUInt64LE(BigInt(start), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(position), 8);
    add(Buffer.concat([end64, locator]));
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(wideEnd ? 0xffff : entries.length, 8);
  end.writeUInt16LE(wideEnd ? 0xffff : entries.length, 10);
  end.writeUInt32LE(wideEnd ? U32 : size, 12);
  end.writeUInt32LE(wideEnd ? U32 : start, 16);
  end.writeUInt16LE(comment.length, 20);
  add(Buffer.concat([end, Buffer.from(comment)]));
  return Buffer.concat(parts);
}

/** Pickle operations, of which a test puts together what it wants. */
export const op = {
  proto: (version = 2) => Buffer.from([0x80, version]),
  global: (module: string, name: string) => Buffer.from(`c${module}\n${name}\n`),
  text: (text: string) => {
    const length = Buffer.alloc(5);
    length[0] = 0x58;
    length.writeUInt32LE(Buffer.byteLength(text), 1);
    return Buffer.concat([length, Buffer.from(text)]);
  },
  int: (value: number) => {
    const bytes = Buffer.alloc(5);
    bytes[0] = 0x4a;
    bytes.writeInt32LE(value, 1);
    return bytes;
  },
  long: (value: bigint) => {
    const bytes = Buffer.alloc(10);
    bytes.writeUInt16LE(0x088a, 0);
    bytes.writeBigInt64LE(value, 2);
    return bytes;
  },
  tuple: (...parts: readonly Buffer[]) => Buffer.concat([Buffer.from("("), ...parts, Buffer.from("t")]),
  dict: (...parts: readonly Buffer[]) => Buffer.concat([Buffer.from("}("), ...parts, Buffer.from("u")]),
  orderedDict: (...parts: readonly Buffer[]) =>
    Buffer.concat([op.global("collections", "OrderedDict"), Buffer.from(")R("), ...parts, Buffer.from("u")]),
  stop: Buffer.from("."),
};

export interface PickledView {
  readonly storageType?: string;
  readonly key?: string;
  readonly length: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
}

/** A tensor as torch.save describes it. */
export function view({
  storageType = "FloatStorage",
  key = "0",
  length,
  offset = 0,
  shape,
  strides,
}: PickledView): Buffer {
  const contiguous = shape.map((_, i) => shape.slice(i + 1).reduce((product, dim) => product * dim, 1));
  return Buffer.concat([
    op.global("torch._utils", "_rebuild_tensor_v2"),
    op.tuple(
      Buffer.concat([
        op.tuple(
          op.text("storage"),
          op.global("torch", storageType),
          op.text(key),
          op.text("cpu"),
          op.long(BigInt(length)),
        ),
        Buffer.from("Q"),
      ]),
      op.long(BigInt(offset)),
      op.tuple(...shape.map((dim) => op.long(BigInt(dim)))),
      op.tuple(...(strides ?? contiguous).map((stride) => op.long(BigInt(stride)))),
      Buffer.from([0x89]),
      Buffer.concat([op.global("collections", "OrderedDict"), Buffer.from(")R")]),
    ),
    Buffer.from("R"),
  ]);
}

export interface TorchFileParts {
  /** What stands between the protocol and the stop. */
  readonly pickle: Buffer;
  readonly storages?: Readonly<Record<string, Uint8Array>>;
  readonly more?: readonly ZipEntry[];
}

export function torchFile({ pickle, storages = {}, more = [] }: TorchFileParts, options = {}): Buffer {
  const data = Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, data: bytes }));
  const whole = Buffer.concat([op.proto(), pickle, op.stop]);
  return zip([{ name: "archive/data.pkl", data: whole }, ...data, ...more], options);
}
