/** The tensor types of a file, and matrices that do not have the type that the file's name promises. */
import { listed } from "../plural.ts";
import { ARCHITECTURES, shapeKey } from "../trunk/trunks.ts";
import type { GgufHeader, TensorInfo } from "./header.ts";
import { baseType, type MixShape, wantedType } from "./quantization-mix.ts";
import { fileTypeByName, fileTypeName, tensorTypeByName } from "./types.ts";

/** Matrices that have another type than requested, because their rows are not whole blocks of it. */
export interface TypeFallback {
  /** The requested type, for example "q4_k". */
  readonly wanted: string;
  /** Their actual type, for example "q5_0". */
  readonly used: string;
  /** Values of a row. */
  readonly rowLength: number;
  /** Values of a block of the wanted type: 32 or 256. */
  readonly blockSize: number;
  /** Number of matrices. */
  readonly tensors: number;
}

/** The types of the tensors in a file. */
export interface WeightTypes {
  /** Number of tensors by type, for example {"q4_k": 24, "f32": 9}. */
  readonly tensorTypes: Readonly<Record<string, number>>;
  /** Bytes of all tensors by type. */
  readonly bytesByType: Readonly<Record<string, number>>;
  /** Empty if every matrix has the requested type. */
  readonly typeFallbacks: readonly TypeFallback[];
  /** The same as a sentence for users; absent if there are no fallbacks. */
  readonly typeNotice?: string;
}

/** @param gguf a sound header; of another architecture than Llama, or without a known file type, types are only counted */
export function describeWeightTypes(gguf: Pick<GgufHeader, "metadata" | "tensors">): WeightTypes {
  const { tensors } = gguf;
  const counted = countTypes(tensors.map(({ type, size }) => ({ type: type.name, size })));
  const fileType = fileTypeOf(gguf);
  const typeFallbacks = fallbacksOf(gguf, fileType);
  const matrices = matricesOf(gguf).length;
  // Where none could be stored as was asked, that the type is missing goes without saying.
  const missing = tensorsOf(typeFallbacks) === matrices ? undefined : missingTypeNotice("The file", gguf);
  const fallback = typeFallbacks.length === 0 ? undefined : fallbackText(typeFallbacks, matrices);
  const notice = [fallback, missing].filter((text) => text !== undefined).join(" ");
  return { ...counted, typeFallbacks, ...(notice === "" ? {} : { typeNotice: notice }) };
}

/** Counts and bytes by type, in alphabetical order. */
export function countTypes(
  tensors: readonly { readonly type: string; readonly size: number }[],
): Pick<WeightTypes, "tensorTypes" | "bytesByType"> {
  const tensorTypes: Record<string, number> = {};
  const bytesByType: Record<string, number> = {};
  for (const { type, size } of tensors.toSorted((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0))) {
    tensorTypes[type] = (tensorTypes[type] ?? 0) + 1;
    bytesByType[type] = (bytesByType[type] ?? 0) + size;
  }
  return { tensorTypes, bytesByType };
}

/**
 * A notice that none of a file's matrices has the type the file is labelled with; undefined if one has, or if the type is unknown.
 *
 * @param what names the file
 */
export function missingTypeNotice(what: string, gguf: Pick<GgufHeader, "metadata" | "tensors">): string | undefined {
  const fileType = fileTypeOf(gguf);
  const base = fileTypeByName(fileType)?.kind === "direct" ? fileType : baseType(fileType);
  const types = new Set(matricesOf(gguf).map(({ type }) => type.name));
  if (base === undefined || types.has(base) || types.size === 0) return undefined;
  return `${what} is labelled ${fileType}, but none of its matrices is ${base}: they are ${listed([...types].sort(), "and")}`;
}

function matricesOf({ tensors }: Pick<GgufHeader, "tensors">): TensorInfo[] {
  return tensors.filter(({ dims }) => dims.length > 1);
}

function fileTypeOf({ metadata }: Pick<GgufHeader, "metadata">): string {
  const id = metadata.get("general.file_type")?.value;
  return typeof id === "number" ? fileTypeName(id) : "unknown";
}

function fallbacksOf(gguf: Pick<GgufHeader, "metadata" | "tensors">, fileType: string): TypeFallback[] {
  const shape = mixShape(gguf);
  if (shape === undefined || baseType(fileType) === undefined) return [];
  const found = new Map<string, TypeFallback>();
  for (const { name, type, dims } of matricesOf(gguf)) {
    const [rowLength = 0] = dims;
    const wanted = wantedType(fileType, name, shape);
    const { blockSize } = tensorTypeByName(wanted);
    // A different type despite fitting blocks was chosen on purpose, for example with an importance matrix.
    if (type.name === wanted || rowLength % blockSize === 0) continue;
    const key = `${wanted} ${type.name} ${rowLength}`;
    const tensors = (found.get(key)?.tensors ?? 0) + 1;
    found.set(key, { wanted, used: type.name, rowLength, blockSize, tensors });
  }
  return [...found.values()].sort((a, b) => b.tensors - a.tensors);
}

function mixShape({ metadata }: Pick<GgufHeader, "metadata">): MixShape | undefined {
  const architecture = metadata.get("general.architecture")?.value;
  if (typeof architecture !== "string" || !ARCHITECTURES.includes(architecture)) return undefined;
  const read = (field: keyof MixShape) => metadata.get(shapeKey(architecture, field))?.value;
  const [layers, heads] = [read("layers"), read("heads")];
  const keyValueHeads = read("keyValueHeads") ?? heads;
  if (typeof layers !== "number" || typeof heads !== "number" || typeof keyValueHeads !== "number") return undefined;
  return { layers, heads, keyValueHeads };
}

function fallbackText(fallbacks: readonly TypeFallback[], matrices: number): string {
  const [stored, wanted] = [tensorsOf(fallbacks), distinct(fallbacks.map((one) => one.wanted))];
  const lengths = distinct(fallbacks.map(({ rowLength }) => rowLength).sort((a, b) => a - b));
  const blocks = distinct(fallbacks.map(({ blockSize }) => blockSize));
  const used = distinct(fallbacks.map((one) => one.used)).map(
    (type) => `${type} (${tensorsOf(fallbacks.filter((one) => one.used === type))})`,
  );
  const which = stored < matrices ? `${stored} of ${matrices} matrices` : `None of the ${matrices} matrices`;
  return (
    `${which} could ${stored < matrices ? "not " : ""}be stored as ${listed(wanted, "or")}: ` +
    `rows of ${listed(lengths, "and")} values are not multiples of ${listed(blocks, "or")}. Stored as ${listed(used, "and")}.`
  );
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}

function tensorsOf(fallbacks: readonly TypeFallback[]): number {
  return fallbacks.reduce((sum, { tensors }) => sum + tensors, 0);
}
