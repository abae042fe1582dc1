// What a library for Windows exports and needs: Microsoft's "PE Format".
import { stringAt } from "./read-elf.mjs";

const MACHINES = new Map([
  [0x8664, "x64"],
  [0xaa64, "arm64"],
]);
const PE32_PLUS = 0x20b;
/** Of the directories that begin at byte 112 of the optional header. */
const DIRECTORY = { exports: 0, imports: 1, delayed: 13 };
const IMPORT_BYTES = 20;
const DELAYED_BYTES = 32;

/** @param {Buffer} bytes of a 64-bit PE file */
export function readPe(bytes) {
  const start = bytes.readUInt32LE(0x3c) + 4;
  const optional = start + 20;
  if (bytes.readUInt16LE(optional) !== PE32_PLUS) throw new RangeError("it is not a 64-bit PE file");
  const at = fileOffsets(bytes, start, optional);
  const directory = (index) => bytes.readUInt32LE(optional + 112 + 8 * index);
  const machine = bytes.readUInt16LE(start);
  return {
    system: "win32",
    arch: MACHINES.get(machine) ?? `machine ${machine}`,
    exports: readExports(bytes, directory(DIRECTORY.exports), at),
    needs: [
      ...readImports(bytes, directory(DIRECTORY.imports), { at, size: IMPORT_BYTES, name: 12 }),
      ...readImports(bytes, directory(DIRECTORY.delayed), { at, size: DELAYED_BYTES, name: 4 }),
    ],
  };
}

/** Where in the file an address of the loaded library is. */
function fileOffsets(bytes, start, optional) {
  const table = optional + bytes.readUInt16LE(start + 16);
  const sections = Array.from({ length: bytes.readUInt16LE(start + 2) }, (_, i) => {
    const entry = table + 40 * i;
    const [size, address] = [bytes.readUInt32LE(entry + 16), bytes.readUInt32LE(entry + 12)];
    return { address, end: address + size, file: bytes.readUInt32LE(entry + 20) };
  });
  return (address) => {
    const section = sections.find((one) => address >= one.address && address < one.end);
    if (section === undefined) throw new RangeError(`the address ${address} is in no section`);
    return address - section.address + section.file;
  };
}

function readExports(bytes, address, at) {
  if (address === 0) return [];
  const table = at(address);
  const count = bytes.readUInt32LE(table + 24);
  if (count === 0) return [];
  const names = at(bytes.readUInt32LE(table + 32));
  return Array.from({ length: count }, (_, i) => stringAt(bytes, at(bytes.readUInt32LE(names + 4 * i))));
}

/** One entry per library, up to an entry without a name. */
function readImports(bytes, address, { at, size, name }) {
  if (address === 0) return [];
  const libraries = [];
  for (let entry = at(address); bytes.readUInt32LE(entry + name) !== 0; entry += size)
    libraries.push(stringAt(bytes, at(bytes.readUInt32LE(entry + name))));
  return libraries;
}
