/** adapter_config.json of PEFT: what an adapter is, and how strongly each of its parts counts. */
import { describe } from "../errors.ts";
import { quote } from "../files/byte-source.ts";
import { ConfigReader } from "./config-reader.ts";
import type { CheckpointFolder } from "./folder.ts";
import { isJsonObject, type JsonObject, own, readJsonFile } from "./json.ts";
import { hasAs, refuse } from "./refuse.ts";

export const ADAPTER_CONFIG = "adapter_config.json";
/** In PEFT's order of preference. */
export const ADAPTER_WEIGHTS = ["adapter_model.safetensors", "adapter_model.bin"] as const;

/** What is merged: a LoRA adapter, with or without DoRA's magnitudes. */
export interface AdapterConfig {
  /** Its name in messages. */
  readonly file: string;
  readonly bytes: Buffer;
  /** base_model_name_or_path; absent if it names none. */
  readonly base?: string;
  /** The revision of the base that it was trained on. */
  readonly baseRevision?: string;
  /** For example "SEQ_CLS". */
  readonly taskType?: string;
  /** The class that the adapter was made for, if it says so. */
  readonly baseClass?: string;
  readonly useDora: boolean;
  /** Names of modules; empty for a pattern or "all-linear". */
  readonly targetModules: readonly string[];
  /** Whether only some layers or modules have a part. */
  readonly isPartial: boolean;
  /** `fan_in_fan_out`, which PEFT sets to false for the linear layers of every trunk here. */
  readonly fanInFanOut: boolean;
  /** The rank of a module's part. */
  rankOf(module: string): number;
  /** alpha / r, or alpha / √r. */
  scaleOf(module: string): number;
}

/** A real one takes 1 KB; patterns for every module some more. */
const MAX_ADAPTER_CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_NAME_CHARACTERS = 4096;
const MAX_RANK = 65_536;
const MAX_ALPHA = 1e9;
const MAX_PATTERNS = 8192;
const MAX_PATTERN_CHARACTERS = 200;
const MAX_QUANTIFIERS = 4;

/** Fields that do not change what the stored tensors mean. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...[
    "peft_type",
    "peft_version",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "task_type",
    "inference_mode",
  ],
  ...["r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "fan_in_fan_out"],
  ...["target_modules", "exclude_modules", "modules_to_save", "bias", "layers_to_transform", "layers_pattern"],
  ...["init_lora_weights", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "runtime_config"],
  ...["megatron_core", "qalora_group_size", "ensure_weight_tying", "merge_weights", "parent_library"],
]);

/** Initialisations that leave the base's weights as they are. The others store the difference to a changed base. */
const PLAIN_INITIALISATIONS: ReadonlySet<unknown> = new Set([true, false, "gaussian", "eva", "orthogonal"]);

/** @throws FileError ERR_INVALID_CHECKPOINT naming what is wrong or cannot be merged */
export async function readAdapterConfig(folder: CheckpointFolder): Promise<AdapterConfig> {
  const { value, bytes } = await readJsonFile(folder, ADAPTER_CONFIG, MAX_ADAPTER_CONFIG_BYTES);
  return { ...parseAdapterConfig(value, folder.pathOf(ADAPTER_CONFIG)), bytes };
}

/** @param file names it in errors */
export function parseAdapterConfig(config: JsonObject, file: string): Omit<AdapterConfig, "bytes"> {
  const read = new ConfigReader(config, file);
  checkKind(read);
  for (const [field, value] of Object.entries(config))
    if (!WITHOUT_EFFECT.has(field) && isSet(value))
      throw read.refuse(field, `sets ${field}, which is not supported: merge it with PEFT and convert the result.`);
  const base = read.text("base_model_name_or_path", MAX_NAME_CHARACTERS);
  const baseRevision = read.text("revision", MAX_NAME_CHARACTERS);
  const taskType = read.text("task_type", MAX_NAME_CHARACTERS);
  const mapping = read.get("auto_mapping");
  const baseClass = isJsonObject(mapping) ? own(mapping, "base_model_class") : undefined;
  const rank = read.integer("r", MAX_RANK, 8);
  const alpha = read.positive("lora_alpha", MAX_ALPHA, 8);
  const useRslora = read.flag("use_rslora");
  const ranks = readPatterns(
    read,
    "rank_pattern",
    (value) => Number.isInteger(value) && value >= 1 && value <= MAX_RANK,
  );
  const alphas = readPatterns(read, "alpha_pattern", (value) => value > 0 && value <= MAX_ALPHA);
  const rankOf = (module: string) => ranks.find(({ matches }) => matches.test(module))?.value ?? rank;
  return {
    file,
    ...(base === undefined ? {} : { base }),
    ...(baseRevision === undefined ? {} : { baseRevision }),
    ...(taskType === undefined ? {} : { taskType }),
    ...(typeof baseClass === "string" ? { baseClass } : {}),
    useDora: read.flag("use_dora"),
    fanInFanOut: read.flag("fan_in_fan_out"),
    targetModules: readTargets(read),
    isPartial: ["layers_to_transform", "layers_pattern", "exclude_modules"].some((field) => isSet(read.get(field))),
    rankOf,
    scaleOf(module) {
      const own = alphas.find(({ matches }) => matches.test(module))?.value ?? alpha;
      const width = rankOf(module);
      return own / (useRslora ? Math.sqrt(width) : width);
    },
  };
}

function checkKind(read: ConfigReader): void {
  const type = read.get("peft_type");
  if (type !== "LORA")
    throw read.refuse("peft_type", `${hasAs(type, "peft_type")}; only adapters of the type "LORA" are merged.`);
  const bias = read.get("bias") ?? "none";
  if (!["none", "lora_only", "all"].includes(bias as string))
    throw read.refuse("bias", `${hasAs(bias, "bias")}; expected "none", "lora_only" or "all".`);
  const initialisation = read.get("init_lora_weights") ?? true;
  if (!PLAIN_INITIALISATIONS.has(initialisation))
    throw read.refuse(
      "init_lora_weights",
      `${hasAs(initialisation, "init_lora_weights")}, which changes the base's weights as well: merge it with PEFT and ` +
        "convert the result, or save it as a plain LoRA (path_initial_model_for_weight_conversion).",
    );
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isJsonObject(value)) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false && value !== "";
}

function readTargets(read: ConfigReader): readonly string[] {
  const value = read.get("target_modules") ?? [];
  if (typeof value === "string") return [];
  if (!Array.isArray(value) || value.some((name) => typeof name !== "string"))
    throw read.refuse("target_modules", `${hasAs(value, "target_modules")}; expected names or a pattern.`);
  return value as string[];
}

interface Pattern {
  readonly matches: RegExp;
  readonly value: number;
}

/** PEFT takes the first pattern that matches a module's name, or its end after a dot. */
function readPatterns(read: ConfigReader, field: string, fits: (value: number) => boolean): Pattern[] {
  const patterns = read.get(field) ?? {};
  if (!isJsonObject(patterns)) throw read.refuse(field, `${hasAs(patterns, field)}; expected an object.`);
  const entries = Object.entries(patterns);
  if (entries.length > MAX_PATTERNS)
    throw read.refuse(field, `has ${entries.length} entries in ${field}; the limit is ${MAX_PATTERNS}.`);
  return entries.map(([key, value]) => {
    if (typeof value !== "number" || !fits(value))
      throw read.refuse(field, `has ${describe(value)} for ${quote(key)} in ${field}; expected a number in range.`);
    return { matches: compile(read, field, key), value };
  });
}

/** Patterns come from strangers: those that could take a search for ever are refused. */
function compile(read: ConfigReader, field: string, key: string): RegExp {
  const quantifiers = key.match(/[*+?{]/g)?.length ?? 0;
  const isSafe =
    key.length <= MAX_PATTERN_CHARACTERS && quantifiers <= MAX_QUANTIFIERS && !/\)[*+?{]|\\\d|\(\?/.test(key);
  try {
    if (isSafe) return new RegExp(`^(?:.*\\.)?(?:${key})$`);
  } catch {
    // It is no pattern of JavaScript.
  }
  throw read.refuse(field, `has ${quote(key)} as a pattern in ${field}, which is not supported.`);
}

/**
 * transformers applies an adapter found beside a model's weights; without it the weights would score differently.
 *
 * @throws FileError ERR_INVALID_CHECKPOINT for a folder with an adapter of PEFT
 */
export async function refuseAdapter(folder: CheckpointFolder): Promise<void> {
  if (await folder.has(ADAPTER_CONFIG))
    throw refuse(
      folder.pathOf(ADAPTER_CONFIG),
      "describes an adapter (LoRA), and only a whole checkpoint can be used here: merge it into the weights (merge_and_unload of " +
        "PEFT). Remove the file if the weights beside it are merged already.",
    );
}
