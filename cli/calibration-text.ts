/** A stored calibration, for people. */
const DIGITS = 4;

export function calibrationText({
  temperature,
  offset,
}: {
  readonly temperature: number;
  readonly offset: number;
}): string {
  return `temperature ${temperature.toPrecision(DIGITS)}, offset ${offset.toPrecision(DIGITS)}`;
}
