import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.ts";
import { checkRoom } from "../files/disk-room.ts";
import { unwritable } from "../files/file-errors.ts";
import { type OutputFile, withOutput } from "../files/output-file.ts";
import type { TemporarySet } from "../files/output-set.ts";
import { isSameFile } from "../files/same-file.ts";
import type { TensorInfo } from "../gguf/header.ts";
import { claimParts, partSizes, publishedNames, readWritten } from "../gguf/part-output.ts";
import { readRewardMetadata } from "../gguf/reward-metadata.ts";
import type { SerializedHeader } from "../gguf/serialize.ts";
import { serializeParts } from "../gguf/serialize-parts.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import type { FileType } from "../gguf/types.ts";
import { describeWeightTypes } from "../gguf/weight-types.ts";
import { GgufWriter } from "../gguf/writer.ts";
import { given } from "../options.ts";
import { unusedTemplateNotice } from "./chat-template-metadata.ts";
import { sourceDigest, trunkDigest } from "./digests.ts";
import { type CheckpointHead, readHead } from "./head.ts";
import { ConversionJournal, type FinishedTensor } from "./journal.ts";
import { buildMetadata } from "./metadata.ts";
import { noticesOf } from "./notices.ts";
import { type ConvertOptions, type ConvertResult, checkOptions } from "./options.ts";
import { planTensors, type TensorJob } from "./plan.ts";
import { convertTensors } from "./tensor-pipeline.ts";

/** Finished tensors are made safe after so much time or bytes: waiting for the disk after every norm would be slow. */
const RECORD_EVERY_MILLISECONDS = 1000;
const RECORD_EVERY_BYTES = 16 * 1024 * 1024;
/** Bytes that are read at once to check what an earlier run wrote. */
const CHECK_BYTES = 8 * 1024 * 1024;
/** Unit of stat's `blocks` on every file system. */
const STAT_BLOCK_BYTES = 512;

/**
 * Converts a checkpoint of a reward model to a GGUF that any llama.cpp opens, with the reward head as metadata, in
 * one pass over the weights: every tensor is read in pieces, converted and written to its final place.
 *
 * The output appears only once it is complete and was read back. Until then it is written under a temporary name that no
 * reader takes for a model. After any failure, an existing output is unchanged.
 *
 * @param claimed the output, if the caller holds its lock already; otherwise it is locked before anything is read
 * @throws InvalidInputError for a wrong option or weight type
 * @throws FileError ERR_FILE_NOT_READABLE, ERR_INVALID_CHECKPOINT or ERR_FILE_NOT_WRITABLE
 */
export async function convertCheckpoint(options: ConvertOptions, claimed?: OutputFile): Promise<ConvertResult> {
  const type = checkOptions(options);
  const { output, overwrite = false, signal } = options;
  if (claimed === undefined) return withOutput(output, { overwrite, signal }, (own) => convertCheckpoint(options, own));
  const checkpoint = await openCheckpoint(options.checkpoint, options.profile);
  try {
    await checkNotASource(checkpoint, output);
    return await convert(checkpoint, type, options, claimed);
  } finally {
    await checkpoint.close();
  }
}

async function convert(
  checkpoint: Checkpoint,
  type: FileType,
  options: ConvertOptions,
  claimed: OutputFile,
): Promise<ConvertResult> {
  const { output, overwrite = false, resume = false, signal } = options;
  const { target } = claimed;
  const jobs = planTensors(checkpoint, type);
  // From the checked copy, for a remote folder; the tensors continue with the same file.
  const headFile = checkpoint.tensors.get(checkpoint.head.weight)?.fileName;
  if (headFile !== undefined) await checkpoint.useWhole(headFile);
  const { head, header } = await planFile(checkpoint, type, jobs, options);
  const outputs = await claimParts(claimed, header, { overwrite, signal });
  try {
    let taken = 0;
    for (const path of outputs.partialPaths) taken += await spaceTaken(path);
    await checkRoom(target.path, header.fileSize - taken, output);
    const journal = await ConversionJournal.open(target.path, describeWork(checkpoint, header, options), resume);
    let file: TemporarySet | undefined;
    let published = false;
    try {
      file = await outputs.reopen(partSizes(header), resume);
      const writer = await GgufWriter.create(file, header);
      const digests = await writeTensors(checkpoint, jobs, { file, writer, journal, options });
      for (const [name, bytes] of head.sourceBytes) digests.set(name, createHash("sha256").update(bytes).digest("hex"));
      const sourceSha256 = sourceDigest(checkpoint, digests);
      await writer.replaceString(STARLING_KEYS.sourceSha256, sourceSha256);
      await writer.replaceString(STARLING_KEYS.trunkSha256, trunkDigest(checkpoint, jobs, digests));
      await writer.finish(sourceSha256);
      await checkpoint.assertUnchanged();
      const written = await readWritten(file);
      const metadata = readRewardMetadata(written, output);
      signal?.throwIfAborted();
      const bytes = await outputs.publish(file);
      published = true;
      const told = noticesOf(checkpoint, metadata);
      const notices = told.length === 0 ? undefined : told;
      const notice = given({ templateNotice: unusedTemplateNotice(checkpoint), notices });
      return {
        ...publishedNames(outputs),
        bytes,
        tensors: jobs.length,
        sourceSha256,
        ...notice,
        ...describeWeightTypes(written),
      };
    } finally {
      if (resume) await file?.close().catch(() => {});
      else await file?.discard();
      await journal.close(published || !resume);
    }
  } finally {
    await outputs.release();
  }
}

/** Everything of the file but its weights. */
export async function planFile(
  checkpoint: Checkpoint,
  type: FileType,
  jobs: readonly TensorJob[],
  options: Pick<ConvertOptions, "tokenization" | "source" | "scorePosition" | "normalizeReward" | "splitSize">,
): Promise<{ head: CheckpointHead; header: SerializedHeader }> {
  const { tokenization, source = {}, scorePosition, normalizeReward, splitSize } = options;
  const head = await readHead(checkpoint, normalizeReward);
  const metadata = buildMetadata(checkpoint, {
    ...{ head: head.head, normalization: head.normalization, fileType: type.id, tokenization, source },
    ...given({ scorePosition }),
  });
  return { head, header: serializeParts(metadata, jobs, splitSize) };
}

/** Of the disk, not of the file: most of an unfinished one are holes. */
async function spaceTaken(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? 0 : stats.blocks * STAT_BLOCK_BYTES;
}

/** Two conversions with the same description write the same bytes. */
function describeWork(checkpoint: Checkpoint, header: SerializedHeader, { quantizerVersion }: ConvertOptions): string {
  const parts = [checkpoint.identities, quantizerVersion ?? null];
  const hash = createHash("sha256");
  for (const { bytes } of header.parts) hash.update(bytes);
  return hash.update(JSON.stringify(parts)).digest("hex");
}

interface Target {
  readonly file: TemporarySet;
  readonly writer: GgufWriter;
  readonly journal: ConversionJournal;
  readonly options: ConvertOptions;
}

/** Writes all tensors that are not there yet; returns the digest of each in the checkpoint, by its name there. */
async function writeTensors(
  checkpoint: Checkpoint,
  jobs: readonly TensorJob[],
  { file, writer, journal, options }: Target,
): Promise<Map<string, string>> {
  const { signal, onProgress, quantizeRows } = options;
  const bytesTotal = jobs.reduce((sum, { source }) => sum + source.size, 0);
  let bytesDone = 0;
  const advance = (job: TensorJob, bytes: number) => {
    signal?.throwIfAborted();
    bytesDone += bytes;
    onProgress?.({
      phase: "converting",
      fraction: bytesTotal === 0 ? 1 : bytesDone / bytesTotal,
      bytesDone,
      bytesTotal,
      tensor: job.source.name,
    });
  };
  const digests = new Map<string, string>();
  const finished = new Map(journal.finished.map((tensor) => [tensor.name, tensor]));
  const missing: TensorJob[] = [];
  for (const job of jobs) {
    const before = finished.get(job.name);
    if (before === undefined || (await digestOf(file, writer.tensor(job.name))) !== before.written) {
      missing.push(job);
      continue;
    }
    writer.keep(job.name);
    digests.set(job.source.name, before.source);
    advance(job, job.source.size);
  }
  const unrecorded: FinishedTensor[] = [];
  let recorded = performance.now();
  let bytesUnrecorded = 0;
  await convertTensors(checkpoint, writer, missing, quantizeRows, {
    onChunk: advance,
    onTensor: async (job, tensor) => {
      digests.set(job.source.name, tensor.source);
      unrecorded.push(tensor);
      bytesUnrecorded += writer.tensor(job.name).size;
      if (bytesUnrecorded < RECORD_EVERY_BYTES && performance.now() - recorded < RECORD_EVERY_MILLISECONDS) return;
      await file.flush();
      await journal.record(unrecorded.splice(0));
      recorded = performance.now();
      bytesUnrecorded = 0;
    },
  });
  return digests;
}

/** The digest of a tensor's bytes in the unfinished file. */
async function digestOf(file: TemporarySet, { position, size }: TensorInfo): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < size; offset += CHECK_BYTES) {
    const bytes = new Uint8Array(Math.min(CHECK_BYTES, size - offset));
    await file.read(position + offset, bytes);
    hash.update(bytes);
  }
  return hash.digest("hex");
}

/** With `overwrite`, a typo could replace a weight file. */
async function checkNotASource(checkpoint: Checkpoint, output: string): Promise<void> {
  const names = checkpoint.sources.map(({ name }) => checkpoint.folder.pathOf(name));
  for (const file of new Set([...names, ...[...checkpoint.tensors.values()].map((tensor) => tensor.file)]))
    if (await isSameFile(file, output)) throw unwritable(output, "it is part of the checkpoint");
}
