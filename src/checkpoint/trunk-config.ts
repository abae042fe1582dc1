/** Fields of config.json that only some kinds of trunk have. */

import { describe } from "../errors.ts";
import { SHAPE_FIELDS } from "../trunk/shape.ts";
import type { Trunk, TrunkNumber } from "../trunk/trunk.ts";
import type { ConfigReader } from "./config-reader.ts";
import { hasAs } from "./refuse.ts";

/** The trunk's further numbers, by field; those that are null are left out. */
export function readNumbers(read: ConfigReader, { numbers = [] }: Trunk): Record<string, number> {
  return Object.fromEntries(
    numbers.flatMap((number) => {
      const value = readNumber(read, number);
      return value === undefined ? [] : [[number.config, value]];
    }),
  );
}

function readNumber(read: ConfigReader, { config: field, kind, max, absent, nullable }: TrunkNumber) {
  const value = read.get(field);
  if (value === undefined) return absent;
  if (value !== null) return kind === "u32" ? read.integer(field, max) : read.positive(field, max);
  if (nullable) return undefined;
  throw read.refuse(field, `has null as ${field}; llama.cpp needs a number above 0 and up to ${max}.`);
}

const FULL = "full_attention";
const SLIDING = "sliding_attention";

/**
 * Tokens that some layers attend to at most. Older versions of transformers have the window in every layer or in none, newer
 * ones in those that layer_types or max_window_layers names: within the window all agree.
 *
 * @returns undefined if there is no window
 */
export function readWindow(read: ConfigReader, { window, modelType }: Trunk, layers: number): number | undefined {
  if (window === undefined) return undefined;
  const { config: field, absent, enabledBy, masked } = window;
  const types = readLayerTypes(read, layers);
  if (masked === "graph") {
    // llama.cpp's graph has no other order.
    const odd = types?.findIndex((type, layer) => type !== (layer % 2 === 0 ? SLIDING : FULL)) ?? -1;
    if (odd !== -1)
      throw read.refuse(
        "layer_types",
        `has ${describe(types?.[odd])} for layer ${odd} in layer_types; with model_type "${modelType}", llama.cpp supports only ` +
          `${SLIDING} in every second layer, from the first one on.`,
      );
  }
  const enabled = enabledBy === undefined || read.flag(enabledBy);
  const value = read.get(field);
  const size = enabled && value !== null ? read.integer(field, SHAPE_FIELDS.contextLength.max, absent) : undefined;
  if (size === undefined && types?.includes(SLIDING))
    throw read.refuse(
      "layer_types",
      `has ${SLIDING} in layer_types, but no window: ${enabledBy ?? field} turns it off.`,
    );
  return size;
}

/** Kinds of attention by layer; undefined: the model's usual ones. */
function readLayerTypes(read: ConfigReader, layers: number): readonly unknown[] | undefined {
  const field = "layer_types";
  const types = read.get(field);
  if (types === undefined || types === null) return undefined;
  const known =
    Array.isArray(types) && types.length === layers && types.every((type) => type === FULL || type === SLIDING);
  if (!known)
    throw read.refuse(
      field,
      `${hasAs(types, field)}; expected "${FULL}" or "${SLIDING}" for each of ${layers} layers.`,
    );
  return types;
}
