/** Rows of tables as JSON: with values that JSON has no word for. */

/** The row as one JSON text: whole numbers with all digits, dates in ISO 8601, bytes in base64, NaN as null. */
export function toJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return JSON.stringify(bytes.toString("base64"));
  }
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  // An invalid date is null.
  if (value instanceof Date) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${toJson(member)}`)
    .join(",")}}`;
}
