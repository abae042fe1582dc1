/** A file's record of how its reward head was fitted. */
import { f64, type MetadataEntry, optional, present, text, u32 } from "./entries.ts";
import type { Fields } from "./fields.ts";
import { STARLING_KEYS } from "./starling-keys.ts";

/** How a reward head was fitted, if it is not the checkpoint's own. */
export interface FitRecord {
  /** The name of the model whose features it was fitted to. */
  readonly model: string;
  /** SHA-256 of that model's file, 64 hexadecimal digits. */
  readonly modelSha256: string;
  /** Fingerprint of that model's trunk, 64 hexadecimal digits; absent where the model has none. */
  readonly trunkSha256?: string;
  /** The name of the preference file. */
  readonly input?: string;
  /** Rows of it that the head was fitted to, without those held out. */
  readonly cases: number;
  /** λ of the term λ/2 · |w - w_old|². */
  readonly ridge: number;
  /** The date that the model's chat template wrote, where it asks for one: YYYY-MM-DD. */
  readonly templateDate?: string;
  /**
   * The first of two responses is the better one with probability sigmoid((difference - offset) / temperature), where difference is its
   * raw score minus the second's. Absent where none was fitted. Scores never depend on it.
   */
  readonly calibration?: {
    /** Above 0. */
    readonly temperature: number;
    /** In units of the score; 0 where the data did not tell which response was seen first. */
    readonly offset: number;
  };
}

const MAX_CASES = 0xffffffff;
const SHA256 = /^[0-9a-f]{64}$/;

/** Checks a caller's record: returns what was expected, or undefined when it is one. */
export function aFitRecord(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "an object";
  const { model, modelSha256, trunkSha256, input, cases, ridge, templateDate, calibration } = value as Record<
    string,
    unknown
  >;
  const isText = (text: unknown) => typeof text === "string" && text.isWellFormed() && !text.includes("\0");
  const isHash = (text: unknown) => typeof text === "string" && SHA256.test(text);
  const isOptional = (given: unknown, is: (given: unknown) => boolean) => given === undefined || is(given);
  const fits =
    isText(model) &&
    model !== "" &&
    isHash(modelSha256) &&
    isOptional(trunkSha256, isHash) &&
    isOptional(input, isText) &&
    isOptional(templateDate, isText) &&
    isOptional(calibration, isCalibration) &&
    Number.isInteger(cases) &&
    (cases as number) >= 0 &&
    (cases as number) <= MAX_CASES &&
    Number.isFinite(ridge) &&
    (ridge as number) >= 0;
  return fits
    ? undefined
    : "a fit record: { model, modelSha256, cases, ridge } and optional trunkSha256, input, templateDate, " +
        "calibration: { temperature, offset },";
}

function isCalibration(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { temperature, offset } = value as Record<string, unknown>;
  return Number.isFinite(temperature) && (temperature as number) > 0 && Number.isFinite(offset);
}

/** The entries of a GGUF that {@link readFitRecord} reads. */
export function fitEntries(record: FitRecord): MetadataEntry[] {
  const { model, modelSha256, trunkSha256, input, cases, ridge, templateDate, calibration } = record;
  return present([
    [STARLING_KEYS.fitModel, text(model)],
    [STARLING_KEYS.fitModelSha256, text(modelSha256)],
    [STARLING_KEYS.fitTrunkSha256, optional(trunkSha256, text)],
    [STARLING_KEYS.fitInput, optional(input, text)],
    [STARLING_KEYS.fitCases, u32(cases)],
    [STARLING_KEYS.fitRidge, f64(ridge)],
    [STARLING_KEYS.fitTemplateDate, optional(templateDate, text)],
    [STARLING_KEYS.fitTemperature, optional(calibration?.temperature, f64)],
    [STARLING_KEYS.fitOffset, optional(calibration?.offset, f64)],
  ]);
}

/** undefined where the head was not fitted; @throws FileError ERR_INVALID_GGUF */
export function readFitRecord(fields: Fields): FitRecord | undefined {
  const model = fields.optionalString(STARLING_KEYS.fitModel);
  if (model === undefined) return undefined;
  const trunkSha256 = fields.optionalSha256(STARLING_KEYS.fitTrunkSha256);
  const input = fields.optionalString(STARLING_KEYS.fitInput);
  const templateDate = fields.optionalString(STARLING_KEYS.fitTemplateDate);
  return {
    model,
    modelSha256: fields.sha256(STARLING_KEYS.fitModelSha256),
    ...(trunkSha256 === undefined ? {} : { trunkSha256 }),
    ...(input === undefined ? {} : { input }),
    cases: fields.u32(STARLING_KEYS.fitCases, 0, MAX_CASES),
    ridge: fields.nonNegativeF64(STARLING_KEYS.fitRidge),
    ...(templateDate === undefined ? {} : { templateDate }),
    ...readCalibration(fields),
  };
}

function readCalibration(fields: Fields): Pick<FitRecord, "calibration"> {
  const { fitTemperature: key, fitOffset } = STARLING_KEYS;
  if (!fields.has(key) && !fields.has(fitOffset)) return {};
  const temperature = fields.finiteF64(key);
  if (!(temperature > 0)) throw fields.refuse(`has the temperature ${temperature}; expected a number above 0.`, key);
  return { calibration: { temperature, offset: fields.finiteF64(fitOffset) } };
}
