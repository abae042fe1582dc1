import type { ByteSource } from "./byte-source.ts";

/** One of the files of a {@link JoinedSource}. */
export interface SourcePart<S extends ByteSource = ByteSource> {
  readonly source: S;
  /** Where it begins, in bytes from the start of the first one. */
  readonly start: number;
}

/** Several files one after another, as one: positions go on from file to file. */
export class JoinedSource<S extends ByteSource = ByteSource> implements ByteSource {
  /** The first one's. */
  readonly path: string;
  readonly size: number;
  readonly identity: string;
  readonly parts: readonly SourcePart<S>[];

  /** @param sources at least one */
  constructor(sources: readonly S[]) {
    const [first] = sources;
    if (first === undefined) throw new RangeError("There is no file to join.");
    let start = 0;
    this.parts = sources.map((source) => {
      const part = { source, start };
      start += source.size;
      return part;
    });
    this.path = first.path;
    this.size = start;
    this.identity = sources.map(({ identity }) => identity).join(" ");
  }

  async read(position: number, target: Uint8Array): Promise<void> {
    let done = 0;
    for (const { source, start } of this.parts) {
      const at = position + done - start;
      if (at >= source.size || done === target.length) continue;
      const piece = target.subarray(done, done + source.size - at);
      await source.read(at, piece);
      done += piece.length;
    }
    // Of the last one, whose error says where it ends.
    if (done < target.length) await this.parts.at(-1)?.source.read(this.size, target.subarray(done));
  }

  async assertUnchanged(): Promise<void> {
    for (const { source } of this.parts) await source.assertUnchanged?.();
  }

  async close(): Promise<void> {
    for (const { source } of this.parts) await source.close();
  }
}
