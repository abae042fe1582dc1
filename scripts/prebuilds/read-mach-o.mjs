// What a library for macOS exports and needs, and whether its signature is whole: mach-o/loader.h, and cs_blobs.h of XNU.
import { createHash } from "node:crypto";
import { stringAt } from "./read-elf.mjs";

const MACHINES = new Map([
  [0x01000007, "x64"],
  [0x0100000c, "arm64"],
]);
const COMMAND = {
  loads: [0xc, 0x80000018, 0x8000001f, 0x23],
  signature: 0x1d,
  minimum: 0x24,
  build: 0x32,
  info: [0x22, 0x80000022],
  trie: 0x80000033,
};
const CODE_DIRECTORY = 0xfade0c02;
const SHA256 = 2;
const SHA256_BYTES = 32;

/** @param {Buffer} bytes of a 64-bit Mach-O file for one processor */
export function readMachO(bytes) {
  const commands = readCommands(bytes);
  const find = (...kinds) => commands.find(({ kind }) => kinds.includes(kind))?.at;
  const [info, trie, build, minimum] = [
    find(...COMMAND.info),
    find(COMMAND.trie),
    find(COMMAND.build),
    find(COMMAND.minimum),
  ];
  const exported = trie !== undefined ? trie + 8 : info !== undefined ? info + 40 : undefined;
  const version = build !== undefined ? build + 12 : minimum !== undefined ? minimum + 8 : undefined;
  return {
    system: "darwin",
    arch: MACHINES.get(bytes.readUInt32LE(4)) ?? `machine ${bytes.readUInt32LE(4)}`,
    exports:
      exported === undefined ? [] : readTrie(bytes, bytes.readUInt32LE(exported), bytes.readUInt32LE(exported + 4)),
    needs: commands
      .filter(({ kind }) => COMMAND.loads.includes(kind))
      .map(({ at }) => stringAt(bytes, at + bytes.readUInt32LE(at + 8))),
    // 16 bits for the major version, 8 for the minor one, 8 for the patch.
    minimum: version === undefined ? undefined : `${bytes.readUInt16LE(version + 2)}.${bytes[version + 1]}`,
    signature: signatureProblem(bytes, find(COMMAND.signature)),
  };
}

function readCommands(bytes) {
  const commands = [];
  for (let i = 0, at = 32; i < bytes.readUInt32LE(16); i++, at += bytes.readUInt32LE(at + 4))
    commands.push({ kind: bytes.readUInt32LE(at), at });
  return commands;
}

/** The names in a trie: each node has the size of what it says about its name, the number of its edges, and the edges. */
function readTrie(bytes, start, size) {
  if (size === 0) return [];
  const names = [];
  const visit = (offset, prefix) => {
    const said = readNumber(bytes, start + offset);
    if (said.value > 0) names.push(prefix);
    let at = said.next + said.value;
    const edges = bytes[at++];
    for (let i = 0; i < edges; i++) {
      const label = stringAt(bytes, at);
      const node = readNumber(bytes, at + label.length + 1);
      at = node.next;
      if (node.value <= offset) throw new RangeError("its table of exports has a loop");
      visit(node.value, prefix + label);
    }
  };
  visit(0, "");
  // C's names have an underscore there.
  return names.map((name) => name.replace(/^_/, ""));
}

/** Seven bits a byte, the lowest first. */
function readNumber(bytes, at) {
  let value = 0;
  for (let next = at, shift = 0; ; shift += 7) {
    const byte = bytes[next++];
    if (byte === undefined) throw new RangeError("its table of exports is cut off");
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next };
  }
}

/** What is wrong with the signature: none, or the hash of a page is another one. Undefined if it is whole. */
function signatureProblem(bytes, command) {
  if (command === undefined) return "it has none";
  const blob = bytes.readUInt32LE(command + 8);
  const count = bytes.readUInt32BE(blob + 8);
  const entries = Array.from({ length: count }, (_, i) => blob + bytes.readUInt32BE(blob + 16 + 8 * i));
  const directory = entries.find((at) => bytes.readUInt32BE(at) === CODE_DIRECTORY);
  if (directory === undefined) return "it has no hashes of the code";
  const [hashes, slots, limit] = [16, 28, 32].map((field) => bytes.readUInt32BE(directory + field));
  if (bytes[directory + 37] !== SHA256) return "its hashes are not SHA-256";
  const page = 2 ** bytes[directory + 39];
  if (slots !== Math.ceil(limit / page) || limit !== blob) return "it does not cover the whole file";
  for (let i = 0; i < slots; i++) {
    const hash = createHash("sha256")
      .update(bytes.subarray(i * page, Math.min(limit, (i + 1) * page)))
      .digest();
    const at = directory + hashes + i * SHA256_BYTES;
    if (!hash.equals(bytes.subarray(at, at + SHA256_BYTES))) return `the hash of page ${i} is another one`;
  }
  return undefined;
}
