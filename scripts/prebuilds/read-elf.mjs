// What a shared library for Linux exports and needs: elf(5), and the versions of symbols from the LSB Core Specification.

const SECTION = { strings: 3, dynamic: 6, symbols: 11, needed: 0x6ffffffe };
const MACHINES = new Map([
  [0x3e, "x64"],
  [0xb7, "arm64"],
]);
const NEEDED = 1n;
const [LOCAL, WEAK] = [0, 2];
const SYMBOL_BYTES = 24;
const DYNAMIC_BYTES = 16;
const GNU_STACK = 0x6474e551;
const EXECUTABLE = 1;

/** @param {Buffer} bytes of a 64-bit little-endian ELF file */
export function readElf(bytes) {
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new RangeError("it is not a 64-bit little-endian ELF file");
  const sections = readSections(bytes);
  const symbols = sections
    .filter(({ type }) => type === SECTION.symbols)
    .flatMap((section) => readSymbols(bytes, section));
  return {
    system: "linux",
    arch: MACHINES.get(bytes.readUInt16LE(18)) ?? `machine ${bytes.readUInt16LE(18)}`,
    exports: symbols.filter(({ defined }) => defined).map(({ name }) => name),
    needs: sections.filter(({ type }) => type === SECTION.dynamic).flatMap((section) => readNeeded(bytes, section)),
    versions: sections.filter(({ type }) => type === SECTION.needed).flatMap((section) => readVersions(bytes, section)),
    executableStack: hasExecutableStack(bytes),
  };
}

function readSections(bytes) {
  const [start, size, count] = [
    Number(bytes.readBigUInt64LE(0x28)),
    bytes.readUInt16LE(0x3a),
    bytes.readUInt16LE(0x3c),
  ];
  const sections = Array.from({ length: count }, (_, i) => {
    const at = start + i * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      at: Number(bytes.readBigUInt64LE(at + 0x18)),
      size: Number(bytes.readBigUInt64LE(at + 0x20)),
      link: bytes.readUInt32LE(at + 0x28),
      info: bytes.readUInt32LE(at + 0x2c),
    };
  });
  return sections.map((section) => ({
    ...section,
    text: (offset) => stringAt(bytes, sections[section.link].at + offset),
  }));
}

export function stringAt(bytes, at) {
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}

function readSymbols(bytes, { at, size, text }) {
  return Array.from({ length: Math.floor(size / SYMBOL_BYTES) }, (_, i) => {
    const entry = at + i * SYMBOL_BYTES;
    const binding = (bytes[entry + 4] ?? 0) >> 4;
    const defined = bytes.readUInt16LE(entry + 6) !== 0 && binding > LOCAL && binding <= WEAK;
    return { name: text(bytes.readUInt32LE(entry)), defined };
  });
}

function readNeeded(bytes, { at, size, text }) {
  return Array.from({ length: Math.floor(size / DYNAMIC_BYTES) }, (_, i) => at + i * DYNAMIC_BYTES)
    .filter((entry) => bytes.readBigUInt64LE(entry) === NEEDED)
    .map((entry) => text(Number(bytes.readBigUInt64LE(entry + 8))));
}

/** "GLIBC_2.28", for each version of each library; `info` is the number of libraries. */
function readVersions(bytes, { at, info, text }) {
  const versions = [];
  for (let i = 0, need = at; i < info; i++, need += bytes.readUInt32LE(need + 12)) {
    const count = bytes.readUInt16LE(need + 2);
    for (
      let j = 0, entry = need + bytes.readUInt32LE(need + 8);
      j < count;
      j++, entry += bytes.readUInt32LE(entry + 12)
    )
      versions.push(text(bytes.readUInt32LE(entry + 8)));
  }
  return versions;
}

function hasExecutableStack(bytes) {
  const [start, size, count] = [
    Number(bytes.readBigUInt64LE(0x20)),
    bytes.readUInt16LE(0x36),
    bytes.readUInt16LE(0x38),
  ];
  const stack = Array.from({ length: count }, (_, i) => start + i * size).find(
    (at) => bytes.readUInt32LE(at) === GNU_STACK,
  );
  return stack === undefined || (bytes.readUInt32LE(stack + 4) & EXECUTABLE) !== 0;
}
