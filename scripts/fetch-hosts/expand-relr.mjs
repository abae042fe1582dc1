// musl before 1.2.4 (Debian 12 has 1.2.3) leaves out the packed relocations (DT_RELR) of the libraries that the musl Node
// brings. This writes them out as ordinary ones (DT_RELA).

const LOAD = 1;
const NOTE = 4;
const DYNAMIC = 2;
const TAG = { rela: 7n, relaSize: 8n, relaCount: 0x6ffffff9n, relrSize: 35n, relr: 36n, relrEntry: 37n };
/** A tag that loaders do not know: they pass it over. */
const NO_TAG = 0x60000fffn;
const RELATIVE = { 62: 8n, 183: 1027n };
const RELA_BYTES = 24;
const WORD = 8;
const PAGE = 0x10000;

/**
 * @param {Buffer} bytes of a 64-bit little-endian library
 * @returns {Buffer} the library without packed relocations; the same bytes if it has none
 */
export function expandRelr(bytes) {
  const segments = readSegments(bytes);
  const dynamic = readDynamic(
    bytes,
    segments.find(({ type }) => type === DYNAMIC),
  );
  const relr = dynamic.get(TAG.relr);
  if (relr === undefined) return bytes;
  const loads = segments.filter(({ type }) => type === LOAD);
  const fileOf = (address) => {
    const load = loads.find(({ virtual, fileSize }) => address >= virtual && address < virtual + fileSize);
    return address - load.virtual + load.offset;
  };
  const packed = decode(bytes, fileOf(relr.value), dynamic.get(TAG.relrSize).value, fileOf);
  const old = bytes.subarray(fileOf(dynamic.get(TAG.rela).value)).subarray(0, dynamic.get(TAG.relaSize).value);

  // The new table gets a segment of its own at the end, in the place of a note in the list of segments.
  const table = Buffer.alloc(old.length + packed.length * RELA_BYTES);
  packed.forEach(({ address, value }, i) => {
    table.writeBigUInt64LE(BigInt(address), i * RELA_BYTES);
    table.writeBigUInt64LE(RELATIVE[bytes.readUInt16LE(18)], i * RELA_BYTES + 8);
    table.writeBigUInt64LE(value, i * RELA_BYTES + 16);
  });
  old.copy(table, packed.length * RELA_BYTES);
  const offset = Math.ceil(bytes.length / PAGE) * PAGE;
  const end = Math.max(...loads.map(({ virtual, memorySize }) => virtual + memorySize));
  const address = Math.ceil(end / PAGE) * PAGE;
  const result = Buffer.concat([bytes, Buffer.alloc(offset - bytes.length), table]);
  const note = segments.findLast(({ type }) => type === NOTE);
  writeSegment(result, note.at, { offset, address, size: table.length });
  const set = (tag, value) => result.writeBigUInt64LE(BigInt(value), dynamic.get(tag).at + 8);
  set(TAG.rela, address);
  set(TAG.relaSize, table.length);
  for (const tag of [TAG.relr, TAG.relrSize, TAG.relrEntry, TAG.relaCount])
    if (dynamic.has(tag)) result.writeBigUInt64LE(NO_TAG, dynamic.get(tag).at);
  return result;
}

function readSegments(bytes) {
  const [start, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * size;
    const [offset, virtual, , fileSize, memorySize] = [8, 16, 24, 32, 40].map((field) =>
      Number(bytes.readBigUInt64LE(at + field)),
    );
    return { at, type: bytes.readUInt32LE(at), offset, virtual, fileSize, memorySize };
  });
}

function writeSegment(bytes, at, { offset, address, size }) {
  const READABLE = 4;
  bytes.writeUInt32LE(LOAD, at);
  bytes.writeUInt32LE(READABLE, at + 4);
  [offset, address, address, size, size, PAGE].forEach((value, i) => {
    bytes.writeBigUInt64LE(BigInt(value), at + 8 + 8 * i);
  });
}

/** By tag; each has its place in the file. */
function readDynamic(bytes, { offset, fileSize }) {
  const entries = new Map();
  for (let at = offset; at < offset + fileSize; at += 16)
    entries.set(bytes.readBigInt64LE(at), { at, value: Number(bytes.readBigUInt64LE(at + 8)) });
  return entries;
}

/** An even word is an address; an odd one has a bit for each of the 63 words after the last. */
function decode(bytes, start, size, fileOf) {
  const places = [];
  let next = 0;
  for (let at = start; at < start + size; at += WORD) {
    const word = bytes.readBigUInt64LE(at);
    if ((word & 1n) === 0n) {
      places.push(Number(word));
      next = Number(word) + WORD;
      continue;
    }
    for (let bit = 1; bit < 64; bit++) if ((word >> BigInt(bit)) & 1n) places.push(next + (bit - 1) * WORD);
    next += 63 * WORD;
  }
  return places.map((address) => ({ address, value: bytes.readBigUInt64LE(fileOf(address)) }));
}
