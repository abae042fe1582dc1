/** Makes a reward model of a trunk that is a GGUF already: the head and the tokenizer come from its checkpoint. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type Checkpoint, openCheckpoint } from "./checkpoint/checkpoint.ts";
import { checkTrunkFile, type TrunkTensorMatch } from "./convert/attach-checks.ts";
import { attachedMetadata } from "./convert/attach-metadata.ts";
import { compareWeights, type TrunkEvidence } from "./convert/attach-weights.ts";
import { unusedTemplateNotice } from "./convert/chat-template-metadata.ts";
import { readHead } from "./convert/head.ts";
import { noticesOf } from "./convert/notices.ts";
import { aPartSize, profileChoices, weightType } from "./convert/options.ts";
import { planTensors } from "./convert/plan.ts";
import { aScorePosition, type ScorePositionChoice } from "./convert/score-position.ts";
import { FileError, InvalidInputError } from "./errors.ts";
import { bytesSource } from "./files/byte-source.ts";
import { unwritable } from "./files/file-errors.ts";
import { type OutputFile, withOutput } from "./files/output-file.ts";
import { isSameFile } from "./files/same-file.ts";
import { copyTensors } from "./gguf/copy.ts";
import { isHeadFile, readHeadFile } from "./gguf/head-file.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { OpenedGguf } from "./gguf/opened-gguf.ts";
import { readGguf } from "./gguf/reader.ts";
import { type RewardMetadata, readRewardMetadata } from "./gguf/reward-metadata.ts";
import { serializeHeader } from "./gguf/serialize.ts";
import { serializeParts } from "./gguf/serialize-parts.ts";
import { STARLING_KEYS } from "./gguf/starling-keys.ts";
import { describeWeightTypes } from "./gguf/weight-types.ts";
import { pullGguf } from "./hub/gguf-file.ts";
import { type ModelFolder, openModelFolder } from "./hub/model-folder.ts";
import { type HubOptions, hubChecks } from "./hub/settings.ts";
import { type ConvertResult, rowQuantizer } from "./make-gguf.ts";
import { aBoolean, aFunction, aSignal, aString, checkOptions, given, oneOf, takesOnlyOptions } from "./options.ts";
import type { DownloadProgress, WriteProgress } from "./progress.ts";
import { tokenizationModes } from "./scoring/open-tokenizer.ts";
import type { TokenizationMode } from "./vocabulary/tokenization.ts";
import { replaceHeadIn } from "./write-head.ts";

/** Options of attach(). */
export interface AttachOptions extends HubOptions {
  /** A GGUF of the model without its head, in any weight type: a file, or "hf:OWNER/NAME/FILE.gguf"; of one in parts, the first. */
  readonly trunk: string;
  /**
   * The checkpoint that has the head: a folder or "hf:OWNER/NAME[@REVISION]", of which only headers and small tensors are read. Or a head
   * file, for a trunk that is a reward model of starling-rm.
   */
  readonly head: string;
  /** A folder or "hf:OWNER/NAME" to take the tokenizer's files from; default: the checkpoint. */
  readonly tokenizer?: string;
  /** The GGUF to write; it appears only when it is complete. */
  readonly output: string;
  /** The tokenisation stored in the file; default: the vocabulary's. */
  readonly tokenization?: TokenizationMode;
  /** The kind of reward model; default "auto": what the checkpoint's own files show. */
  readonly profile?: (typeof profileChoices)[number];
  /** As in ConvertOptions; not for a head file, whose trunk says it. */
  readonly scorePosition?: ScorePositionChoice;
  /** As in ConvertOptions; not for a head file. */
  readonly normalizeReward?: boolean;
  /** Accept a trunk that has a reward head, which is replaced; default false. */
  readonly replaceHead?: boolean;
  /** As in ConvertOptions. */
  readonly splitSize?: number;
  /** Replace an existing output; default false. */
  readonly overwrite?: boolean;
  /** Reports the phases "downloading" and "writing", at most once for every 8 MiB or so. */
  readonly onProgress?: (progress: DownloadProgress | WriteProgress) => void;
  /** Stops the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What was written, and how surely the trunk is the checkpoint's. */
export interface AttachResult extends ConvertResult {
  /** What of the trunk was compared with the checkpoint; absent for a head file. */
  readonly evidence?: TrunkEvidence;
}

/**
 * Makes a reward model of a GGUF that holds its trunk only, such as a community quantisation: the head, the template and the tokenizer
 * come from the checkpoint, and the trunk's tensors are copied byte for byte. An output layer is left out: scores do not use it.
 *
 * @throws FileError ERR_WRONG_HEAD naming the first difference between trunk and checkpoint, in shapes, vocabulary or values; and what
 *   convert() throws about the checkpoint
 */
export async function attach(options: AttachOptions): Promise<AttachResult> {
  takesOnlyOptions("attach", arguments);
  options = checkOptions(
    "attach",
    options,
    {
      ...hubChecks,
      trunk: aString,
      head: aString,
      tokenizer: aString,
      output: aString,
      tokenization: oneOf(tokenizationModes),
      profile: oneOf(profileChoices),
      scorePosition: aScorePosition,
      normalizeReward: aBoolean,
      replaceHead: aBoolean,
      splitSize: aPartSize,
      overwrite: aBoolean,
      onProgress: aFunction,
      signal: aSignal,
    },
    ["trunk", "head", "output"],
  );
  const { output, overwrite = false, signal } = options;
  signal?.throwIfAborted();
  return withOutput(output, { overwrite, signal }, (claimed) => attachTo(claimed, options));
}

async function attachTo(claimed: OutputFile, options: AttachOptions): Promise<AttachResult> {
  const { head, output, signal, onProgress, ...rest } = options;
  const hub = { ...hubOf(rest), ...given({ signal, onProgress }) };
  if (await isHeadFileAt(head)) return attachHeadFile(claimed, options);
  // Small things first: a wrong name is known before a trunk comes.
  const { tokenizer } = options;
  const folder = await openModelFolder(head, { ...hub, tokenizer, stream: true });
  const trunkPath = options.trunk.startsWith("hf:") ? await pullGguf(options.trunk, hub) : options.trunk;
  const trunk = await OpenedGguf.open(trunkPath);
  try {
    if (await trunk.isAt(claimed.target.path)) throw unwritable(output, "it is the trunk being read");
    const checkpoint = await openCheckpoint(folder.folder, options.profile);
    try {
      return await write(claimed, options, { trunk, checkpoint, folder });
    } finally {
      await checkpoint.close();
    }
  } finally {
    await trunk.close();
  }
}

interface Sources {
  readonly trunk: OpenedGguf;
  readonly checkpoint: Checkpoint;
  readonly folder: ModelFolder;
}

async function write(
  claimed: OutputFile,
  options: AttachOptions,
  { trunk, checkpoint, folder }: Sources,
): Promise<AttachResult> {
  const {
    trunk: name,
    head: place,
    output,
    replaceHead = false,
    overwrite = false,
    splitSize,
    signal,
    onProgress,
  } = options;
  const gguf = await readGguf(trunk);
  checkHasNoHead(gguf, name, replaceHead);
  checkIsNotAdapted(checkpoint);
  const { head, normalization } = await readHead(checkpoint, options.normalizeReward);
  const { tokenization, scorePosition } = options;
  const metadata = attachedMetadata(gguf, checkpoint, {
    ...{ head, normalization, tokenization },
    source: folder.source ?? {},
    ...given({ scorePosition }),
  });
  const jobs = planTensors(checkpoint, weightType("f32"));
  const matches = checkTrunkFile(gguf, name, checkpoint, { metadata, jobs });
  const tensors = matches.map(({ stored }) => stored);
  const header = serializeParts(metadata, tensors, splitSize, gguf.alignment);
  const reward = await checkResult(output, metadata, tensors, gguf.alignment);
  const evidence = await compareWeights(trunk, checkpoint, matches, {
    quantizeRows: rowQuantizer(availableParallelism()),
    isRemote: place.startsWith("hf:"),
    signal,
  });
  const onBytes =
    onProgress &&
    ((bytesDone: number, bytesTotal: number, tensor: string) =>
      onProgress({ phase: "writing", fraction: bytesDone / bytesTotal, bytesDone, bytesTotal, tensor }));
  const written = await copyTensors(
    claimed,
    trunk,
    { header, tensors, replaced: computed(matches) },
    { overwrite, signal, kept: trunk, onBytes, check: (copy) => void readRewardMetadata(copy, output) },
  );
  const left = gguf.tensors.length - tensors.length;
  const dropped = left === 0 ? [] : ["the trunk's output layer is left out: scores do not use it"];
  const notices = [...(folder.notices ?? []), ...noticesOf(checkpoint, reward), ...dropped, sureness(evidence)];
  return {
    ...written,
    tensors: tensors.length,
    ...given({ templateNotice: unusedTemplateNotice(checkpoint) }),
    ...describeWeightTypes({ metadata, tensors }),
    notices,
    evidence,
  };
}

/** What follows from config.json, as `convert` writes it: others round its last bit otherwise, and scores would differ by that. */
function computed(matches: readonly TrunkTensorMatch[]): ReadonlyMap<string, Uint8Array> {
  return new Map(
    matches.flatMap(({ job: { name, source } }) => (source.bytes === undefined ? [] : [[name, source.bytes]])),
  );
}

/** Everything that a scorer checks is checked before gigabytes are copied. */
async function checkResult(
  output: string,
  metadata: Parameters<typeof serializeHeader>[0],
  tensors: GgufHeader["tensors"],
  alignment: number,
): Promise<RewardMetadata> {
  const { bytes, fileSize } = serializeHeader(metadata, tensors, alignment);
  return readRewardMetadata(await readGguf(bytesSource(output, "", bytes, fileSize)), output);
}

function sureness({ vectors, vectorsInAll, matrices }: TrunkEvidence): string {
  const norms = `${vectors} of the trunk's ${vectorsInAll} norms and biases are the checkpoint's bit for bit`;
  if (matrices === "equal") return `${norms}, and so are samples of its matrices: it is the checkpoint's trunk`;
  return (
    `${norms}; its matrices cannot be compared exactly (an importance matrix, or another source type): a model that was trained from ` +
    "the same base with frozen norms would look alike"
  );
}

function checkHasNoHead({ metadata }: GgufHeader, trunk: string, replaceHead: boolean): void {
  if (!metadata.has(STARLING_KEYS.headWeight) || replaceHead) return;
  throw new FileError(
    "ERR_WRONG_HEAD",
    `The file ${trunk} has a reward head already: it is a reward model. To replace the head, say so (replaceHead, --replace-head).`,
    { file: trunk, field: STARLING_KEYS.headWeight },
  );
}

/** The trunk's file cannot hold what an adapter changes. */
function checkIsNotAdapted({ folder, tensors }: Checkpoint): void {
  const changed = [...tensors.values()].find(({ change }) => change !== undefined);
  if (changed === undefined) return;
  throw new FileError(
    "ERR_WRONG_HEAD",
    `${folder.path} is an adapter that changes the trunk, for example ${changed.name}: a GGUF of its base lacks that. Convert it instead.`,
    { file: folder.path, tensor: changed.name },
  );
}

async function isHeadFileAt(path: string): Promise<boolean> {
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
  return isFile && isHeadFile(await readGguf(path));
}

/** What a copy with another head does not take. */
const CHECKPOINT_OPTIONS = [
  "tokenizer",
  "tokenization",
  "profile",
  "scorePosition",
  "normalizeReward",
  "splitSize",
] as const satisfies readonly (keyof AttachOptions)[];

async function attachHeadFile(claimed: OutputFile, options: AttachOptions): Promise<AttachResult> {
  const { trunk, head: path, output, replaceHead = false, overwrite = false, signal, onProgress } = options;
  const hub = { ...hubOf(options), ...given({ signal, onProgress }) };
  const modelPath = trunk.startsWith("hf:") ? await pullGguf(trunk, hub) : trunk;
  const gguf = await readGguf(modelPath);
  if (!gguf.metadata.has(STARLING_KEYS.headWeight))
    throw new FileError(
      "ERR_WRONG_HEAD",
      `The file ${trunk} is a language model, and the head file ${path} has neither tokenizer nor template for it: give the ` +
        "checkpoint that the head belongs to.",
      { file: trunk },
    );
  checkHasNoHead(gguf, trunk, replaceHead);
  const unused = CHECKPOINT_OPTIONS.find((name) => options[name] !== undefined && options[name] !== "auto");
  if (unused !== undefined)
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The option ${unused} needs a checkpoint as the head, but ${path} is a head file: everything else stays as it is in ${trunk}.`,
      { field: unused },
    );
  if (await isSameFile(modelPath, claimed.target.path)) throw unwritable(output, "it is the trunk being read");
  const { head, fit, trunkSha256, tokenization } = await readHeadFile(path);
  const known = readRewardMetadata(gguf, modelPath);
  if (trunkSha256 !== undefined && known.trunkSha256 !== undefined && trunkSha256 !== known.trunkSha256)
    throw new FileError("ERR_WRONG_HEAD", `The head ${path} belongs to another trunk than that of ${trunk}.`, {
      file: path,
    });
  const copy = { modelPath, output, head, overwrite, tokenization, ...given({ fit, signal, onProgress }) };
  return replaceHeadIn(claimed, copy);
}

function hubOf({ endpoint, token, cacheFolder }: HubOptions): HubOptions {
  return given({ endpoint, token, cacheFolder });
}
