/** `1 row`, `2 rows`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** "a", "a and b", "a, b and c" */
export function listed(values: readonly unknown[], word: "and" | "or"): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(", ")} ${word} ${values.at(-1)}`;
}
