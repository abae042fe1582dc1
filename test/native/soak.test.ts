/**
 * Random small plans against scoring one by one: no difference, no growth. A few hundred among the tests, 10,000 with
 * `npm run soak`.
 */
import { afterAll, expect, it } from "vitest";
import { randomOf } from "../random.ts";
import { load, makeModel, openAddon, removeFolder, sequence } from "./support.ts";

afterAll(removeFolder);

const PLANS = process.env["npm_lifecycle_event"] === "soak" ? 10_000 : 300;
const TYPES = ["q4_k_m", "f16", "q8_0", "f32"];
const MEBIBYTE = 1024 ** 2;
/** Between the second to fourth tenth of the plans and the last three: the smallest size of each (growth.mjs tells why). */
const MOST_GROWTH = 48 * MEBIBYTE;

it(`scores ${PLANS} random plans as one by one, without growing`, async () => {
  const addon = await openAddon();
  const random = randomOf(11);
  const models = [];
  for (const type of TYPES) {
    const path = await makeModel(addon, type);
    models.push({
      together: await load(addon, path, { contextWorkers: 1 + (models.length % 2), batchTokens: 32, microBatch: 16 }),
      alone: await load(addon, path, { sharePrefixes: false }),
    });
  }
  let differences = 0;
  const sizes: number[] = [];
  let pinned: number[] = [];
  for (let plan = 0; plan < PLANS; plan++) {
    const { together, alone } = models[plan % models.length] as (typeof models)[number];
    const beginnings = Array.from({ length: 1 + random(3) }, (_, i) => sequence(random(40), 7 * plan + i));
    const sequences = Array.from({ length: 1 + random(6) }, (_, i) => {
      const beginning = beginnings[random(beginnings.length)] as Int32Array;
      return Int32Array.from([
        ...beginning.subarray(0, random(beginning.length + 1)),
        ...sequence(1 + random(12), plan + 31 * i),
      ]);
    });
    const jobs = random(2) === 0 ? together.scoreEach(sequences) : sequences.map((one) => together.scoreEach([one])[0]);
    // Some of the work is given up, some prefixes are pinned for a while.
    const doomed = random(4) === 0 ? together.score([sequence(60, plan)]) : undefined;
    doomed?.promise.catch(() => {});
    doomed?.cancel();
    if (plan % models.length === 0 && random(5) === 0 && beginnings[0] && beginnings[0].length > 0) {
      pinned.push(await together.pinPrefix(beginnings[0]).promise);
      if (pinned.length > 4) {
        for (const id of pinned) together.unpinPrefix(id);
        pinned = [];
      }
    }
    const scores = await Promise.all(jobs.map((job) => job?.promise));
    for (const [i, one] of sequences.entries())
      if ((await alone.score([one]).promise)[0] !== scores[i]) differences += 1;
    if ((plan + 1) % (PLANS / 10) === 0) {
      globalThis.gc?.();
      sizes.push(process.memoryUsage().rss);
    }
  }
  expect(differences).toBe(0);
  expect(Math.min(...sizes.slice(-3)) - Math.min(...sizes.slice(1, 4))).toBeLessThan(MOST_GROWTH);
  for (const { together, alone } of models) await Promise.all([together.close(), alone.close()]);
}, 3_600_000);
