/** Locates the tensors of a torch.save file: a zip archive of one pickle and raw storages. */
import { type ByteSource, quote, readExactly } from "../files/byte-source.ts";
import { unpickle } from "./pickle.ts";
import {
  describePickled,
  isTensor,
  type PickleDict,
  type PickledTensor,
  PickleError,
  type PickleValue,
} from "./pickle-values.ts";
import { refuse } from "./refuse.ts";
import { dtypeBytes, type TensorEntry } from "./tensor-entry.ts";
import type { StoredFile } from "./zip.ts";

/** The 34B's 543 tensors take 60 KB. */
export const MAX_PICKLE_BYTES = 64 * 1024 * 1024;
/** torch.save before 1.6, and still with _use_new_zipfile_serialization=False: a pickle of this number comes first. */
const LEGACY_MAGIC = Buffer.from([0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);
const LEGACY_PROTOCOL_BYTES = 2;
/** "little" or "big", perhaps with a line break; of anything longer this much is shown. */
const MAX_BYTE_ORDER_BYTES = 16;
/** Keys under which training frameworks store the dictionary of tensors. */
const WRAPPERS = ["state_dict", "model", "module", "model_state_dict"];

/**
 * Reads the list of tensors of one file. Every tensor is checked to be inside its storage, and the storage inside the file;
 * nothing of the pickle is executed.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT naming the file and the tensor
 */
export async function readTorchFile(file: ByteSource): Promise<TensorEntry[]> {
  const { path } = file;
  const start = await readExactly(file, 0, Math.min(file.size, LEGACY_PROTOCOL_BYTES + LEGACY_MAGIC.length));
  if (start.subarray(LEGACY_PROTOCOL_BYTES).equals(LEGACY_MAGIC))
    throw refuse(
      path,
      "is in the format of torch.save before PyTorch 1.6, which is not supported. Save it again: " +
        'torch.save(torch.load(path, weights_only=True, map_location="cpu"), path).',
    );
  // Loaded only here: most checkpoints are safetensors.
  const { readZipDirectory } = await import("./zip.ts");
  const files = await readZipDirectory(file);
  const pickles = [...files.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1)
    throw refuse(
      path,
      `contains ${pickles.length === 0 ? "no" : pickles.length} */data.pkl; a torch.save file has exactly one.`,
    );
  const archive = pickle.slice(0, -"data.pkl".length);
  await checkByteOrder(file, files.get(`${archive}byteorder`));
  const dict = await readTensorDict(file, files.get(pickle) as StoredFile);
  const entries: TensorEntry[] = [];
  for (const [name, value] of dict) {
    if (!isTensor(value)) continue;
    if (typeof name !== "string") throw refuse(path, `names a tensor by ${describePickled(name)}, which is not text.`);
    entries.push(locate(path, name, value, files.get(`${archive}data/${value.storage}`)));
  }
  if (entries.length === 0) throw refuse(path, "contains no tensor; expected a dictionary of named tensors.");
  return entries;
}

async function checkByteOrder(file: ByteSource, order: StoredFile | undefined): Promise<void> {
  if (order === undefined) return;
  const size = Math.min(order.size, MAX_BYTE_ORDER_BYTES);
  const text = (await readExactly(file, order.position, size)).toString("latin1").trim();
  if (text !== "little")
    throw refuse(file.path, `was written with the byte order ${quote(text)}; only "little" is supported.`);
}

async function readTensorDict(file: ByteSource, pickle: StoredFile): Promise<PickleDict> {
  if (pickle.size > MAX_PICKLE_BYTES)
    throw refuse(file.path, `has a pickle of ${pickle.size} bytes; the limit is ${MAX_PICKLE_BYTES}.`);
  let value: PickleValue;
  try {
    value = unpickle(await readExactly(file, pickle.position, pickle.size));
  } catch (error) {
    if (error instanceof PickleError) throw refuse(file.path, `${error.message}.`);
    throw error;
  }
  for (const wrapper of WRAPPERS) {
    const inner = value instanceof Map ? value.get(wrapper) : undefined;
    if (inner instanceof Map) value = inner;
  }
  if (value instanceof Map) return value;
  throw refuse(file.path, "contains something other than a dictionary of tensors.");
}

function locate(path: string, name: string, tensor: PickledTensor, storage: StoredFile | undefined): TensorEntry {
  const where = { tensor: name };
  const { dtype, shape, strides, offset, storageLength } = tensor;
  const bytes = dtypeBytes.get(dtype) as number;
  if (storage === undefined)
    throw refuse(path, `has no storage ${quote(tensor.storage)} of the tensor ${quote(name)}.`, where);
  if (BigInt(storageLength) * BigInt(bytes) !== BigInt(storage.size))
    throw refuse(
      path,
      `stores ${storage.size} bytes for the tensor ${quote(name)} but declares ${storageLength} values of ${dtype}.`,
      where,
    );
  // In BigInt: a forged shape may be larger than any exact number.
  const values = shape.reduce((product, dim) => product * BigInt(dim), 1n);
  if (BigInt(offset) + values > BigInt(storageLength))
    throw refuse(
      path,
      `places the tensor ${quote(name)} of the shape [${shape.join(", ")}] beyond the end of its storage.`,
      where,
    );
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if ((shape[i] as number) > 1 && strides[i] !== expected)
      throw refuse(
        path,
        `stores the tensor ${quote(name)} non-contiguously (strides [${strides.join(", ")}]); call .contiguous() before saving.`,
        where,
      );
    expected *= shape[i] as number;
  }
  return { name, dtype, shape, position: storage.position + offset * bytes, size: Number(values) * bytes };
}
