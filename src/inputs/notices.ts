/** Notices about inputs. */

/** Notices that differ in every row must not fill the screen. */
const MAX_NOTICES = 5;

/** Passes on each notice once, and only the first few. */
export function firstNotices(onNotice: ((message: string) => void) | undefined): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message) || told.size >= MAX_NOTICES) return;
    told.add(message);
    onNotice?.(message);
  };
}
