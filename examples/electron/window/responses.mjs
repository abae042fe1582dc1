/** What was pasted, cut at lines of three or more dashes; empty parts are left out. */
export function splitResponses(text) {
  return text
    .split(/^\s*-{3,}\s*$/m)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
