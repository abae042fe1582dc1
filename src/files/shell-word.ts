/** Text as one word of a command that a message shows. */

/** Quoted where a shell would split or change it. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,\\-]+$/.test(text) ? text : JSON.stringify(text);
}
