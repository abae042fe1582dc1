// Takes a lock again and again, and tells when somebody else is inside with it. Its parent kills it at any time.
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { FileLock } from "../../dist/src/files/file-lock.js";

const [lockPath, inside, mode] = process.argv.slice(2);

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

for (;;) {
  const lock =
    mode === "wait" ? await FileLock.acquire(lockPath) : await FileLock.tryAcquire(lockPath, { silentMs: 1e9 });
  if (!(lock instanceof FileLock)) {
    process.send("refused");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    continue;
  }
  try {
    writeFileSync(inside, String(process.pid), { flag: "wx" });
  } catch {
    const other = Number(readFileSync(inside, "utf8"));
    // Without a number it is one that was killed between making the file and writing it.
    if (other !== 0 && isAlive(other)) process.send(`${process.pid} met ${other}`);
    writeFileSync(inside, String(process.pid));
  }
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  if (readFileSync(inside, "utf8") !== String(process.pid)) process.send(`${process.pid} was joined`);
  unlinkSync(inside);
  await lock.release();
  process.send("held");
}
