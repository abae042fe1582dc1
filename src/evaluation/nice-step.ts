/** Steps that people like to read. */

/** The widest of 1, 2 and 5 times powers of ten that fits into `range` at least `parts` times; undefined where none does. */
export function niceStep(range: number, parts: number): number | undefined {
  const most = range / parts;
  const power = 10 ** Math.floor(Math.log10(most));
  if (!Number.isFinite(range) || !(power > 0)) return undefined;
  const factor = most >= 5 * power ? 5 : most >= 2 * power ? 2 : 1;
  return factor * power;
}
