/** Copies tensors from one GGUF to another, byte for byte. */
import { createHash } from "node:crypto";
import type { ByteSource } from "../files/byte-source.ts";
import { checkRoom } from "../files/disk-room.ts";
import { unwritable } from "../files/file-errors.ts";
import type { OutputFile } from "../files/output-file.ts";
import type { GgufHeader, TensorInfo } from "./header.ts";
import { OpenedGguf } from "./opened-gguf.ts";
import { claimParts, partSizes, publishedNames, readWritten } from "./part-output.ts";
import { readGguf } from "./reader.ts";
import type { SerializedHeader } from "./serialize.ts";
import { serializeParts } from "./serialize-parts.ts";
import { GgufWriter } from "./writer.ts";

export interface CopyOptions {
  readonly overwrite: boolean;
  readonly signal: AbortSignal | undefined;
  /** Files that may not be replaced. */
  readonly kept?: OpenedGguf;
  /** Called with the bytes copied so far, of all. */
  readonly onBytes?: ((bytesDone: number, bytesTotal: number, tensor: string) => void) | undefined;
  /** Looks at the result under its temporary name. */
  readonly check?: (written: GgufHeader) => void;
}

interface CopyPlan {
  readonly header: SerializedHeader;
  readonly tensors: readonly TensorInfo[];
  readonly replaced?: ReadonlyMap<string, Uint8Array>;
}

/** What was written. */
export interface Copied {
  /** The file, or the first part. */
  readonly output: string;
  readonly parts?: readonly string[];
  /** Of all parts. */
  readonly bytes: number;
}

/** Bytes copied at a time. */
const COPY_BYTES = 8 * 1024 * 1024;

/** The same GGUF in parts. */
export async function copyGguf(
  claimed: OutputFile,
  path: string,
  { splitSize, ...options }: CopyOptions & { readonly splitSize: number },
): Promise<Copied> {
  const source = await OpenedGguf.open(path);
  try {
    const { metadata, tensors, alignment } = await readGguf(source);
    const header = serializeParts(metadata, tensors, splitSize, alignment);
    return await copyTensors(claimed, source, { header, tensors }, options);
  } finally {
    await source.close();
  }
}

/**
 * Writes a GGUF whose tensors are those of `source`; it appears when it is complete.
 *
 * @param tensors where they are in `source`
 * @param replaced bytes that are written in place of the source's, of the same size
 * @throws FileError ERR_FILE_NOT_WRITABLE, or what is wrong with the source
 */
export async function copyTensors(
  claimed: OutputFile,
  source: ByteSource,
  { header, tensors, replaced }: CopyPlan,
  { overwrite, signal, kept, onBytes, check }: CopyOptions,
): Promise<Copied> {
  const outputs = await claimParts(claimed, header, { overwrite, signal });
  try {
    for (const name of outputs.names)
      if (await kept?.isAt(name)) throw unwritable(name, "it is one of the files being read");
    await checkRoom(claimed.target.path, header.fileSize, claimed.name);
    const file = await outputs.create(partSizes(header));
    try {
      const writer = await GgufWriter.create(file, header);
      const hash = createHash("sha256");
      const total = tensors.reduce((sum, { size }) => sum + size, 0);
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      let copied = 0;
      for (const { name, position, size } of tensors)
        for (let done = 0; done < size; ) {
          signal?.throwIfAborted();
          const piece = buffer.subarray(0, Math.min(COPY_BYTES, size - done));
          const other = replaced?.get(name);
          if (other === undefined) await source.read(position + done, piece);
          else piece.set(other.subarray(done, done + piece.length));
          if (header.parts.length > 1) hash.update(piece);
          await writer.write(name, done, piece);
          done += piece.length;
          copied += piece.length;
          onBytes?.(copied, total, name);
        }
      await writer.finish(hash.digest("hex"));
      await source.assertUnchanged?.();
      check?.(await readWritten(file));
      signal?.throwIfAborted();
      const bytes = await outputs.publish(file);
      return { ...publishedNames(outputs), bytes };
    } finally {
      await file.discard();
    }
  } finally {
    await outputs.release();
  }
}
