import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.ts";
import { FileError } from "../errors.ts";
import { checkOutput, TemporaryFile } from "../files/temporary-file.ts";
import { readGguf } from "../gguf/reader.ts";
import { readRewardMetadata } from "../gguf/reward-metadata.ts";
import { STARLING_KEYS } from "../gguf/starling-keys.ts";
import { type FileType, fileTypeByName } from "../gguf/types.ts";
import { GgufWriter } from "../gguf/writer.ts";
import { copyTensor } from "./copy-tensor.ts";
import type { FloatType } from "./dtypes.ts";
import { readHead } from "./head.ts";
import { buildMetadata } from "./metadata.ts";
import { type ConvertOptions, type ConvertResult, checkOptions } from "./options.ts";
import { ownMatrixType, planTensors, type TensorJob } from "./plan.ts";

/**
 * Converts a checkpoint of a Llama reward model to a GGUF that any llama.cpp opens, with the reward head as metadata.
 *
 * f32, f16 and bf16 are written directly. For any other type a GGUF in the checkpoint's own type is written to a
 * temporary file beside the output first, then quantised by `options.quantize`. The output appears only when it is
 * whole and was read back; whatever goes wrong, no temporary file stays and an existing output is kept.
 *
 * @throws InvalidInputError for a wrong option or weight type
 * @throws FileError ERR_FILE_NOT_READABLE, ERR_INVALID_CHECKPOINT or ERR_FILE_NOT_WRITABLE
 */
export async function convertCheckpoint(options: ConvertOptions): Promise<ConvertResult> {
  const type = checkOptions(options);
  options.signal?.throwIfAborted();
  await checkOutput(options.output, options.overwrite ?? false);
  const checkpoint = await openCheckpoint(options.checkpoint, options.profile);
  try {
    await checkNotASource(checkpoint, options.output);
    return await convert(checkpoint, type, options);
  } finally {
    await checkpoint.close();
  }
}

async function convert(checkpoint: Checkpoint, type: FileType, options: ConvertOptions): Promise<ConvertResult> {
  const direct = type.kind === "direct" ? (type.name as FloatType) : ownMatrixType(checkpoint);
  const jobs = planTensors(checkpoint, direct);
  const temporary = [await TemporaryFile.create(options.output)] as [TemporaryFile, ...TemporaryFile[]];
  try {
    const sourceSha256 = await writeGguf(checkpoint, jobs, direct, temporary[0], options);
    let result = temporary[0];
    if (type.kind === "quantized") {
      result = await TemporaryFile.create(options.output);
      temporary.push(result);
      const bytes = sourceBytes(jobs);
      options.onProgress?.({ bytesDone: bytes, bytesTotal: bytes, tensor: "" });
      await quantize(temporary[0], result, type, options);
    }
    readRewardMetadata(await readGguf(result.path), result.path);
    options.signal?.throwIfAborted();
    const bytes = await result.publish(options.overwrite ?? false);
    return { output: options.output, bytes, tensors: jobs.length, sourceSha256 };
  } finally {
    for (const file of temporary) await file.discard();
  }
}

async function writeGguf(
  checkpoint: Checkpoint,
  jobs: readonly TensorJob[],
  type: FloatType,
  file: TemporaryFile,
  options: ConvertOptions,
): Promise<string> {
  const head = await readHead(checkpoint);
  const metadata = buildMetadata(checkpoint, {
    head: head.weight,
    fileType: (fileTypeByName(type) as FileType).id,
    tokenization: options.tokenization,
    source: options.source ?? {},
  });
  const writer = await GgufWriter.create(file, metadata, jobs);
  const digests = new Map([[checkpoint.profile.head, createHash("sha256").update(head.sourceBytes).digest("hex")]]);
  const bytesTotal = sourceBytes(jobs);
  let bytesDone = 0;
  for (const job of jobs) {
    const tensor = job.source.name;
    const digest = await copyTensor(checkpoint, writer, job, (bytes) => {
      options.signal?.throwIfAborted();
      bytesDone += bytes;
      options.onProgress?.({ bytesDone, bytesTotal, tensor });
    });
    digests.set(tensor, digest);
  }
  const digest = sourceDigest(checkpoint, digests);
  await writer.replaceString(STARLING_KEYS.sourceSha256, digest);
  await writer.finish();
  await file.close();
  return digest;
}

function sourceBytes(jobs: readonly TensorJob[]): number {
  return jobs.reduce((sum, job) => sum + job.source.size, 0);
}

async function quantize(
  input: TemporaryFile,
  output: TemporaryFile,
  type: FileType,
  options: ConvertOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  // Both are closed: the quantiser opens them by their names.
  await output.close();
  await options.quantize?.(input.path, output.path, type.id);
  options.signal?.throwIfAborted();
}

/** See STARLING_KEYS.sourceSha256 for what it covers. */
function sourceDigest(checkpoint: Checkpoint, tensorDigests: ReadonlyMap<string, string>): string {
  const lines = checkpoint.sources.map(({ name, bytes }) => [name, createHash("sha256").update(bytes).digest("hex")]);
  for (const [name, digest] of tensorDigests) {
    const tensor = checkpoint.tensors.get(name);
    lines.push([`tensor ${name} ${tensor?.dtype} [${tensor?.shape.join(", ")}]`, digest]);
  }
  const hash = createHash("sha256");
  for (const [name, digest] of lines.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)))
    hash.update(`${digest} ${name}\n`);
  return hash.digest("hex");
}

/** With `overwrite`, a slip of the pen could replace a weight file. */
async function checkNotASource(checkpoint: Checkpoint, output: string): Promise<void> {
  const real = await realpath(output).catch(() => undefined);
  if (real === undefined) return;
  const names = checkpoint.sources.map(({ name }) => checkpoint.folder.pathOf(name));
  for (const file of new Set([...names, ...[...checkpoint.tensors.values()].map((tensor) => tensor.file)]))
    if ((await realpath(file).catch(() => undefined)) === real)
      throw new FileError(
        "ERR_FILE_NOT_WRITABLE",
        `The file ${output} cannot be written: it is part of the checkpoint.`,
        {
          file: output,
        },
      );
}
