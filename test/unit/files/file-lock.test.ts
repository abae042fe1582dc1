import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileLock, LockHeld } from "../../../src/files/file-lock.ts";
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

  it("is taken although who held it removed what was to become it", async () => {
    const path = newPath();
    let removed = 0;
    const remover = (async () => {
      while (removed < 10) {
        const draft = readdirSync(dirname(path)).find((name) => /\.[0-9a-f]{12}$/.test(name));
        if (draft !== undefined) {
          unlinkSync(join(dirname(path), draft));
          removed += 1;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 10_000 && removed < 10; round++) await (await FileLock.acquire(path)).release();
    await remover;
    expect(removed).toBe(10);
    expect(readdirSync(dirname(path))).toEqual([]);
  });

  it("takes over from a number that another process has by now, where nobody tells when it began", async () => {
    const path = newPath();
    const lock = await FileLock.acquire(path);
    const content = JSON.parse(readFileSync(path, "utf8"));
    await lock.release();
    writeFileSync(path, JSON.stringify({ ...content, process: process.ppid, started: "", id: "before the power cut" }));
    const options = { silentMs: 200 };
    expect(await FileLock.tryAcquire(path, options)).toBeInstanceOf(LockHeld);
    const longAgo = Date.now() / 1000 - 10;
    utimesSync(path, longAgo, longAgo);
    const taken = await FileLock.tryAcquire(path, options);
    expect(taken).toBeInstanceOf(FileLock);
    await (taken as FileLock).release();
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

  it.each(["", "garbage", "{}", "null", "42"])("is nobody's when it holds %j", async (content) => {
    const path = newPath();
    writeFileSync(path, content);
    // With the limit of a holder's silence the test would run out of time.
    const lock = await FileLock.tryAcquire(path, { silentMs: 1e9 });
    expect(lock).toBeInstanceOf(FileLock);
    await (lock as FileLock).release();
    expect(existsSync(path)).toBe(false);
  });

  it.runIf(process.platform !== "win32").each(["link", "pipe"])("is nobody's when it is a %s", async (kind) => {
    const path = newPath();
    if (kind === "link") symlinkSync("nowhere", path);
    else expect(spawnSync("mkfifo", [path]).status).toBe(0);
    await (await FileLock.acquire(path, { silentMs: 1e9 })).release();
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ["here", /^waiting for a model, which process \d+ on \S+ is writing$/],
    [
      "elsewhere",
      /^waiting for a model: its lock \S+a\.lock was made by process \d+ on elsewhere and last touched at \d{4}-\S+Z; it is taken over after 1000000 s without a touch$/,
    ],
  ])("says once what it waits for when its holder is %s", async (where, text) => {
    const path = newPath();
    const lock = await FileLock.acquire(path);
    const content = JSON.parse(readFileSync(path, "utf8"));
    if (where === "elsewhere") writeFileSync(path, JSON.stringify({ ...content, host: where, id: "x" }));
    const warnings: Error[] = [];
    const controller = new AbortController();
    const listen = (warning: Error) => {
      warnings.push(warning);
      setTimeout(() => controller.abort(new Error("enough")), 300);
    };
    process.on("warning", listen);
    const waiting = FileLock.acquire(path, { signal: controller.signal, silentMs: 1e9, file: "a model" });
    expect((await failureOf(waiting)).message).toBe("enough");
    process.off("warning", listen);
    await lock.release();
    expect(warnings.map(({ name }) => name)).toEqual(["StarlingWarning"]);
    expect(warnings[0]?.message).toMatch(text);
  });

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
