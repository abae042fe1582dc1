/**
 * Zstandard, which Node 20 does not have. fzstd decodes; frame headers are checked here first, because fzstd allocates
 * whatever a frame asks for, and blocks are passed one by one, so nothing accumulates.
 */
import { Decompress } from "fzstd";

/** That of level 20. The two above it need up to 128 MiB, which fzstd would move in memory with every block. */
const MAX_WINDOW_BYTES = 32 * 1024 * 1024;
/** Of the format: a block, compressed or not. */
const MAX_BLOCK_BYTES = 128 * 1024;
const FRAME_MAGIC = 0xfd2fb528;
/** The 16 numbers from here on mark frames to skip. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const CHECKSUM_FLAG = 4;

type Step = (bytes: Uint8Array) => void;

/** Is fed chunk by chunk and answers with what became whole. Throws Errors for bytes that are not zstd. */
export class ZstdDecoder {
  #decoder: Decompress | undefined;
  /** The start of a frame, which goes to the decoder with its first block. */
  #frameStart: Uint8Array = new Uint8Array();
  #output: Uint8Array[] = [];
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #skip = 0;
  /** Bytes that the next step takes. */
  #need = 4;
  #step: Step = (bytes) => this.#readMagic(bytes);
  #hasChecksum = false;
  #between = true;
  #position = 0;

  /** Bytes of the input up to the end of the last block or header that was read. */
  get position(): number {
    return this.#position;
  }

  /** Whether the input may end here. */
  get isComplete(): boolean {
    return this.#between && this.#pendingBytes === 0 && this.#skip === 0;
  }

  /** The bytes of whole blocks, at most 128 KiB each; the caller owns them. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let rest = chunk;
    for (;;) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      this.#position += skipped;
      rest = rest.subarray(skipped);
      const missing = this.#need - this.#pendingBytes;
      if (rest.length < missing) break;
      const bytes = this.#take(rest.subarray(0, missing));
      rest = rest.subarray(missing);
      this.#between = false;
      this.#step(bytes);
      this.#position += bytes.length;
      yield* this.#output.splice(0);
    }
    if (rest.length === 0) return;
    this.#pending.push(new Uint8Array(rest));
    this.#pendingBytes += rest.length;
  }

  /** Throws when the input ends inside a frame. */
  end(): void {
    if (!this.isComplete) throw new Error("it ends too early");
  }

  #take(last: Uint8Array): Uint8Array {
    const whole = this.#pendingBytes === 0 ? last : Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return whole;
  }

  #expect(need: number, step: Step): void {
    this.#need = need;
    this.#step = step;
  }

  #betweenFrames(): void {
    this.#between = true;
    this.#expect(4, (bytes) => this.#readMagic(bytes));
  }

  #readMagic(bytes: Uint8Array): void {
    const magic = Buffer.from(bytes).readUInt32LE();
    if (magic === FRAME_MAGIC) this.#expect(1, (flags) => this.#readFlags(flags));
    else if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4)
      this.#expect(4, (size) => {
        this.#skip = Buffer.from(size).readUInt32LE();
        this.#betweenFrames();
      });
    else throw new Error("a frame does not start with the format's magic number");
  }

  #readFlags(bytes: Uint8Array): void {
    const flags = bytes[0] as number;
    const isSingle = (flags & 0x20) !== 0;
    const sizeKind = flags >> 6;
    const dictionaryBytes = [0, 1, 2, 4][flags & 3] as number;
    const sizeBytes = sizeKind === 0 ? Number(isSingle) : 2 ** sizeKind;
    const windowBytes = isSingle ? 0 : 1;
    this.#hasChecksum = (flags & CHECKSUM_FLAG) !== 0;
    const read = (rest: Uint8Array) => {
      if (rest.subarray(windowBytes, windowBytes + dictionaryBytes).some((byte) => byte !== 0))
        throw new Error("it was compressed with a dictionary");
      const size = rest.subarray(rest.length - sizeBytes);
      const window = isSingle ? contentSize(size) : windowSize(rest[0] as number);
      if (window > MAX_WINDOW_BYTES)
        throw new Error(
          `it needs a window of ${window} bytes; the limit is ${MAX_WINDOW_BYTES}: compress it at level 20 or below`,
        );
      // Without the checksum, which fzstd only skips: so the last block can be given as the end.
      this.#frameStart = Buffer.concat([FRAME_START, Uint8Array.of(flags & ~CHECKSUM_FLAG), rest]);
      this.#decoder = new Decompress((data) => {
        if (data.length > 0) this.#output.push(data);
      });
      this.#expectBlock();
    };
    const need = windowBytes + dictionaryBytes + sizeBytes;
    if (need === 0) throw new Error("a frame does not state its size");
    this.#expect(need, read);
  }

  #expectBlock(): void {
    this.#expect(BLOCK_HEADER_BYTES, (header) => {
      const bits = Buffer.from(header).readUIntLE(0, BLOCK_HEADER_BYTES);
      const isLast = (bits & 1) !== 0;
      const isRepeated = ((bits >> 1) & 3) === 1;
      const size = bits >> 3;
      if (size > MAX_BLOCK_BYTES) throw new Error(`a block of ${size} bytes is longer than the format allows`);
      const read = (content: Uint8Array) => {
        this.#decoder?.push(Buffer.concat([this.#frameStart, header, content]), isLast);
        this.#frameStart = new Uint8Array();
        if (!isLast) this.#expectBlock();
        else if (this.#hasChecksum) this.#expect(CHECKSUM_BYTES, () => this.#betweenFrames());
        else this.#betweenFrames();
      };
      if (isRepeated) this.#expect(1, read);
      else if (size > 0) this.#expect(size, read);
      else read(new Uint8Array());
    });
  }
}

const FRAME_START = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Little-endian; two bytes count from 256. */
function contentSize(bytes: Uint8Array): number {
  const value = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 2 ? value + 256 : value;
}
