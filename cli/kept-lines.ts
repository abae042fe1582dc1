/** A file of lines that grows and is read again by position. */
const READ_BYTES = 1024 * 1024;

/** What of a file handle is needed. */
export interface PositionReader {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

export async function* chunksOf(handle: PositionReader, bytes: number): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < bytes; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - position));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The lines of the file, each a row that was kept. */
export async function* linesOf(handle: PositionReader, bytes: number): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const chunk of chunksOf(handle, bytes)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end) as Buffer;
      yield (rest.length === 0 ? line : Buffer.concat([...rest, line])).toString();
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start) as Buffer);
  }
}

const NEWLINE = 0x0a;
