/** Bytes in words, for messages. */
export const GIBIBYTE = 1024 ** 3;

/** "1.50 GiB" */
export function gibibytes(bytes: number): string {
  return `${(bytes / GIBIBYTE).toFixed(2)} GiB`;
}
