/** A cell of CSV or TSV, quoted as RFC 4180 says where it has to be. */
export function csvCell(text: string, delimiter: "," | "\t"): string {
  return /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
}
