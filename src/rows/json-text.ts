/** Values of any reader as JSON on one line, without loss: what JSON.stringify would refuse or round is written out. */

/**
 * As JSON.stringify, and whole numbers of any length (BigInt) as their digits, dates as ISO 8601, bytes as base64. A number that is
 * not finite has no JSON: null.
 */
export function jsonText(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (value === null || value === undefined) return "null";
  if (typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (value instanceof Date) return JSON.stringify(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (ArrayBuffer.isView(value)) return jsonText(Array.from(value as unknown as ArrayLike<unknown>));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`).join(",")}}`;
}
