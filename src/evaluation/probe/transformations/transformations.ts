/** All transformations. */
import { ending } from "./ending.ts";
import { filler } from "./filler.ts";
import { format } from "./format.ts";
import { names } from "./names.ts";
import { repetition } from "./repetition.ts";
import { swap } from "./swap.ts";
import { tone } from "./tone.ts";
import type { Transformation } from "./transformation.ts";

export const transformations: readonly Transformation[] = [
  ...filler,
  ...repetition,
  ...format,
  ...tone,
  ...ending,
  ...names,
  ...swap,
];
