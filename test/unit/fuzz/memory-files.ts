/** Files in memory, which make thousands of rounds a second possible and see what a reader asks for. */
import type { CheckpointFolder } from "../../../src/checkpoint/folder.ts";
import { FileError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/files/byte-source.ts";

/** Called after each allocation that a reader fills. */
export type OnRead = () => void;

/** @param size may be more than there are bytes: the rest is zeros, as in a sparse file */
export function memorySource(path: string, bytes: Uint8Array, onRead: OnRead, size = bytes.length): ByteSource {
  return {
    path,
    size,
    identity: "",
    async read(position, target) {
      onRead();
      // A reader that knows the size has no reason to reach beyond it; a real file would hide that behind an error.
      if (!Number.isSafeInteger(position) || position < 0 || position + target.length > size)
        throw new Error(`The reader asked for ${target.length} bytes at ${position} of the ${size} of ${path}.`);
      const there = bytes.subarray(position, position + target.length);
      target.set(there);
      target.fill(0, there.length);
    },
    async close() {},
  };
}

export function memoryFolder(files: ReadonlyMap<string, Uint8Array>, onRead: OnRead): CheckpointFolder {
  const open = async (name: string) => {
    const bytes = files.get(name);
    if (bytes === undefined)
      throw new FileError("ERR_FILE_NOT_READABLE", `The file ${name} cannot be read: it does not exist.`, {
        file: name,
      });
    return memorySource(name, bytes, onRead);
  };
  return {
    path: "memory",
    name: "memory",
    pathOf: (file) => file,
    has: async (file) => files.has(file),
    list: async () => [...files.keys()].sort(),
    open,
    openWhole: open,
  };
}
