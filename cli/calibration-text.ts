/** A stored calibration, for people. */
import type { PairCalibration } from "../src/entry/eval.ts";

const DIGITS = 4;

export function calibrationText({ temperature, offset }: PairCalibration): string {
  return `temperature ${temperature.toPrecision(DIGITS)}, offset ${offset.toPrecision(DIGITS)}`;
}
