import { FileError } from "../errors.ts";
import { type ByteSource, readExactly } from "../files/byte-source.ts";
import type { GgufHeader } from "./header.ts";
import { HeaderCursor, NeedMoreBytes } from "./header-cursor.ts";
import { parseHeader } from "./parse-header.ts";

/**
 * Most bytes that metadata and tensor list may take together. A vocabulary of 256k pieces with merges takes about
 * 10 MiB; the limit keeps a forged length from filling memory.
 */
const MAX_GGUF_HEADER_BYTES = 128 * 1024 * 1024;
/** First read: the whole header of a model with 64000 pieces. */
const FIRST_READ_BYTES = 2 * 1024 * 1024;

/** The header of one file. @throws FileError ERR_INVALID_GGUF naming what is wrong */
export async function readHeader(file: ByteSource): Promise<GgufHeader> {
  const limit = Math.min(file.size, MAX_GGUF_HEADER_BYTES);
  for (let length = Math.min(FIRST_READ_BYTES, limit); ; length = Math.min(length * 2, limit)) {
    const bytes = await readExactly(file, 0, length);
    try {
      return parseHeader(new HeaderCursor(bytes, file));
    } catch (error) {
      // The parser starts over with twice as many bytes: this is rare, and at most doubles the work.
      if (!(error instanceof NeedMoreBytes)) throw error;
      if (length === limit) throw tooLong(file);
    }
  }
}

function tooLong(file: ByteSource): FileError {
  return new FileError(
    "ERR_INVALID_GGUF",
    `The file ${file.path} has a header of more than ${MAX_GGUF_HEADER_BYTES} bytes.`,
    { file: file.path },
  );
}
