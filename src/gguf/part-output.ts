/** The files that a GGUF is written to: one, or a set of parts. */
import { openFile } from "../files/byte-source.ts";
import { JoinedSource } from "../files/joined-source.ts";
import type { OutputFile } from "../files/output-file.ts";
import { OutputSet, type TemporarySet } from "../files/output-set.ts";
import { allPartNames, parsePartName } from "../files/part-names.ts";
import type { GgufHeader } from "./header.ts";
import { readAllParts } from "./parts.ts";
import type { SerializedHeader } from "./serialize.ts";

/**
 * The output that was asked for; for a file in parts, NAME-00001-of-00003.gguf and so on in its place.
 *
 * @param claimed the output by its own name, which stays locked meanwhile
 * @throws FileError ERR_FILE_NOT_WRITABLE
 */
export async function claimParts(
  claimed: OutputFile,
  { parts }: SerializedHeader,
  options: { readonly overwrite: boolean; readonly signal: AbortSignal | undefined },
): Promise<OutputSet> {
  if (parts.length === 1) return OutputSet.of(claimed);
  const { name } = claimed;
  const prefix = parsePartName(name)?.prefix ?? name.replace(/\.gguf$/i, "");
  return OutputSet.claim(allPartNames({ prefix, count: parts.length }), options);
}

/** Bytes of each file. */
export function partSizes({ parts }: SerializedHeader): number[] {
  return parts.map(({ fileSize }) => fileSize);
}

/** What the caller is told: the file, or the first part and all of them. */
export function publishedNames({ names }: OutputSet): { readonly output: string; readonly parts?: readonly string[] } {
  const [output] = names as [string];
  return names.length === 1 ? { output } : { output, parts: names };
}

/** Reads back what was written, under its temporary names. */
export async function readWritten({ paths }: TemporarySet): Promise<GgufHeader> {
  const files = new JoinedSource(await Promise.all(paths.map(openFile)));
  try {
    return await readAllParts(files);
  } finally {
    await files.close();
  }
}
