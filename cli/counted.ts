/** `1 row`, `2 rows`. */
export function counted(count: number, name: string, plural = `${name}s`): string {
  return `${count} ${count === 1 ? name : plural}`;
}

/** `12,345` of a whole number. Not toLocaleString(), whose first call loads the tables of languages: 17 ms. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}
