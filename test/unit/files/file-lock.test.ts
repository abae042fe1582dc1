import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileLock } from "../../../src/files/file-lock.ts";
import { emptyFolder, failureOf } from "../hub/support.ts";

const newPath = () => join(emptyFolder(), "a.lock");

describe("FileLock", () => {
  it("lets one in at a time", async () => {
    const path = newPath();
    let inside = 0;
    const one = async () => {
      const lock = await FileLock.acquire(path);
      inside += 1;
      expect(inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 5 }, one));
    expect(existsSync(path)).toBe(false);
  });

  it("takes over at once from a process that is no more", async () => {
    const path = newPath();
    await (await FileLock.acquire(path)).release();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const lock = await FileLock.acquire(path);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), process: pid, id: "dead" }));
    await lock.release();
    expect(existsSync(path)).toBe(true);
    await (await FileLock.acquire(path, { silentMs: 1e9 })).release();
  });

  it("is taken over by one of many that find it abandoned together", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const path = newPath();
    const model = await FileLock.acquire(path);
    const content = JSON.parse(readFileSync(path, "utf8"));
    await model.release();
    for (let round = 0; round < 20; round++) {
      writeFileSync(path, JSON.stringify({ ...content, process: pid, id: `dead ${round}` }));
      let inside = 0;
      let most = 0;
      const one = async () => {
        const lock = await FileLock.acquire(path);
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
        await lock.release();
      };
      // Those that come later find the lock at another stage of being taken over.
      const later = Array.from({ length: 8 }, async (_, i) => {
        for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setImmediate(resolve));
        await one();
      });
      await Promise.all(later);
      expect(most).toBe(1);
      expect(readdirSync(dirname(path))).toEqual([]);
    }
  });

  it.each(["", "{", '{"host":"elsewhere","space":"","process":1,"id":"x"}', "null"])(
    "takes over from a holder that is silent and says %j",
    async (content) => {
      const path = newPath();
      await (await FileLock.acquire(path)).release();
      writeFileSync(path, content);
      let waits = 0;
      await (await FileLock.acquire(path, { silentMs: 50, onWait: () => waits++ })).release();
      expect(waits).toBe(1);
    },
  );

  it("waits for a holder that is not silent, until it is told to stop", async () => {
    const path = newPath();
    const lock = await FileLock.acquire(path);
    writeFileSync(path, "another machine's");
    let touches = 1e9;
    const timer = setInterval(() => utimesSync(path, touches, touches++), 20);
    const controller = new AbortController();
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 600);
    const waiting = FileLock.acquire(path, { signal: controller.signal, silentMs: 400 });
    expect(await failureOf(waiting)).toBe(reason);
    clearInterval(timer);
    // It was taken by another in the meantime: that one's is not removed.
    await lock.release();
    expect(readFileSync(path, "utf8")).toBe("another machine's");
  });
});
