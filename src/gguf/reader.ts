import type { ByteSource } from "../files/byte-source.ts";
import type { GgufHeader } from "./header.ts";
import { openGguf, readAllParts } from "./parts.ts";

/**
 * Reads and checks the header of a GGUF: versions 2 and 3, little-endian. No tensor data is read, but every tensor is
 * checked to be inside the file, where llama.cpp expects it. Of a split GGUF, all parts are read.
 *
 * @param place a path, or an open file, which stays open
 * @throws FileError ERR_FILE_NOT_READABLE, or ERR_INVALID_GGUF naming what is wrong
 */
export async function readGguf(place: string | ByteSource): Promise<GgufHeader> {
  if (typeof place !== "string") return readAllParts(place);
  const file = await openGguf(place);
  try {
    return await readAllParts(file);
  } finally {
    await file.close();
  }
}
