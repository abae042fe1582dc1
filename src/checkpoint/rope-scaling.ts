import { describe } from "../errors.ts";
import { isJsonObject, type JsonObject, own } from "./json.ts";
import { hasAs } from "./refuse.ts";

/** The parameters of rope_type "llama3" (Llama 3.1 and later). */
export interface Llama3Scaling {
  /** Divisor of slow frequencies. */
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  /** Positions of the original training. */
  readonly originalContext: number;
}

/** Makes the error for a field and a sentence. */
type Refuse = (field: string, sentence: string) => Error;

/** Largest factor: Llama 3.2 has 32. */
const MAX_FACTOR = 1024;
const MAX_CONTEXT = 16_777_216;

/**
 * Reads rope_scaling or rope_parameters.
 *
 * @returns undefined for a rotary embedding that is not scaled
 * @throws what `refuse` gives, for every other kind of scaling
 */
export function readRopeScaling(field: string, value: unknown, refuse: Refuse): Llama3Scaling | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw refuse(field, `${hasAs(value, field)}; expected an object or null.`);
  if (Object.values(value).some(isJsonObject))
    throw refuse(field, `has objects in ${field}: rotary embedding that differs between layers is not converted.`);
  const type = own(value, "rope_type") ?? own(value, "type");
  if (type !== undefined && type !== "default" && type !== "llama3")
    throw refuse(field, `has an unsupported kind of scaled rotary embedding: ${describe(type)}.`);
  if (type === undefined && field === "rope_scaling")
    throw refuse(field, "has scaled rotary embedding without a type, which is not supported.");
  const partial = own(value, "partial_rotary_factor");
  if (partial !== undefined && partial !== null && partial !== 1)
    throw refuse(field, "has partial rotary embedding, which is not supported.");
  return type === "llama3" ? readLlama3(field, value, refuse) : undefined;
}

function readLlama3(field: string, value: JsonObject, refuse: Refuse): Llama3Scaling {
  const read = (name: string, max: number): number => {
    const number = own(value, name);
    if (typeof number !== "number" || !(number > 0) || number > max)
      throw refuse(field, `${hasAs(number, name)} in ${field}; expected a number above 0 and up to ${max}.`);
    return number;
  };
  const scaling = {
    factor: read("factor", MAX_FACTOR),
    lowFrequencyFactor: read("low_freq_factor", MAX_FACTOR),
    highFrequencyFactor: read("high_freq_factor", MAX_FACTOR),
    originalContext: read("original_max_position_embeddings", MAX_CONTEXT),
  };
  if (scaling.factor < 1 || scaling.highFrequencyFactor <= scaling.lowFrequencyFactor)
    throw refuse(field, `has factors in ${field} that contradict each other.`);
  return scaling;
}

/**
 * Divisors of the rotary frequencies, f32[headDim / 2], as llama.cpp reads them from the tensor rope_freqs. Source:
 * LlamaModel.generate_extra_tensors in llama.cpp's converter, which calculates in float32, with a / b as a · (1 / b): the same
 * steps give the same bytes. (Its powers are torch's, which may be one unit off the nearest float32 on some processors: not
 * for Llama's theta and head sizes.)
 */
export function ropeDivisors(scaling: Llama3Scaling, headDim: number, theta: number): Float32Array {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
  const f = Math.fround;
  const divide = (a: number, b: number) => f(f(1 / b) * f(a));
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = f(1 / f(f(theta) ** f((2 * i) / headDim)));
    const wavelength = divide(2 * Math.PI, frequency);
    if (wavelength < f(originalContext / high)) return 1;
    if (wavelength > f(originalContext / low)) return factor;
    const smooth = f(f(divide(originalContext, wavelength) - f(low)) / f(high - low));
    return f(1 / f(f(f(1 - smooth) / f(factor)) + smooth));
  });
}
