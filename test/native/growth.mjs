/**
 * By how much a process grows while the same thing is done again and again. Single measurements jump by up to 40 MB, because the
 * allocator and the collector return memory when they like. What is lost never comes back, so the smallest of several shows it.
 * Needs `node --expose-gc`.
 */
const [WARM_UP, GROUPS, GROUP, EDGE] = [30, 10, 10, 3];

/** @returns the bytes by which it grew in 70 rounds, 0 or more */
export async function growthOf(once) {
  for (let i = 0; i < WARM_UP; i++) await once();
  const sizes = [];
  for (let group = 0; group < GROUPS; group++) {
    for (let i = 0; i < GROUP; i++) await once();
    globalThis.gc();
    sizes.push(process.memoryUsage().rss);
  }
  return Math.max(0, Math.min(...sizes.slice(-EDGE)) - Math.min(...sizes.slice(0, EDGE)));
}
