/** Formats byte counts for messages. */
export const GIBIBYTE = 1024 ** 3;

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Three digits in the largest unit that fits: "12 bytes", "1.50 KiB", "20.0 GiB". */
export function byteSize(bytes: number): string {
  let unit = 0;
  let n = bytes;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? n : n.toFixed(n < 10 ? 2 : n < 100 ? 1 : 0)} ${UNITS[unit]}`;
}
