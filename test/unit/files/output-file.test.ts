/** Files that are made: who holds them, where they are made, and what is put in their place. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { holdOutput } from "../../../src/files/hold-output.ts";
import { OutputFile, withOutput, writeWhole } from "../../../src/files/output-file.ts";
import { hasEnded, isLocal, thisProcess } from "../../../src/files/process-identity.ts";
import { findTarget } from "../../../src/files/target.ts";
import { TemporaryFile } from "../../../src/files/temporary-file.ts";
import { emptyFolder } from "../hub/support.ts";

const posix = process.platform !== "win32";
const linux = process.platform === "linux";
const notWritable = (message: RegExp) =>
  expect.objectContaining({ code: "ERR_FILE_NOT_WRITABLE", message: expect.stringMatching(message) });

describe("a name of an output", () => {
  it.runIf(posix)("stands for one file, whatever it is called", async () => {
    const at = emptyFolder();
    mkdirSync(join(at, "real"));
    symlinkSync("real", join(at, "folder"));
    symlinkSync(join("folder", "model"), join(at, "to-nothing-yet"));
    symlinkSync("to-nothing-yet", join(at, "twice"));
    const path = (await findTarget(join(at, "real", "model"), false)).path;
    const names = [
      relative(process.cwd(), path),
      join(at, "folder", "model"),
      join(at, "real", "..", "folder", ".", "model"),
      join(at, "to-nothing-yet"),
      join(at, "twice"),
    ];
    for (const there of [false, true]) {
      if (there) writeFileSync(path, "");
      for (const name of names) expect((await findTarget(name, true)).path).toBe(path);
    }
    const held = await OutputFile.claim(path, { overwrite: true });
    for (const name of names)
      await expect(OutputFile.claim(name, { overwrite: true })).rejects.toThrow(
        notWritable(/is being written by process \d+, this one, on \S+ since \d{4}-.* delete .*\.model\.lock\.$/),
      );
    await held.release();
    for (const name of names) await withOutput(name, { overwrite: true }, async () => {});
    expect(readdirSync(join(at, "real"))).toEqual(["model"]);
  });

  it("may be as long as the file system allows", async () => {
    const at = emptyFolder();
    const name = "m".repeat(250);
    await writeWhole(join(at, name), "text");
    expect(readFileSync(join(at, name), "utf8")).toBe("text");
    await expect(writeWhole(join(at, "m".repeat(300)), "text")).rejects.toThrow(notWritable(/name is too long/));
    expect(readdirSync(at)).toEqual([name]);
  });

  it.runIf(posix)("that leads in a circle, to a folder or to a pipe is refused", async () => {
    const at = emptyFolder();
    symlinkSync("b", join(at, "a"));
    symlinkSync("a", join(at, "b"));
    spawnSync("mkfifo", [join(at, "pipe")]);
    await expect(findTarget(join(at, "a"), true)).rejects.toThrow(notWritable(/links form a loop/));
    await expect(findTarget(at, true)).rejects.toThrow(notWritable(/it is a folder/));
    await expect(findTarget(join(at, "pipe"), true)).rejects.toThrow(notWritable(/it is a pipe/));
    await expect(findTarget(join(at, "none", "x"), true)).rejects.toThrow(notWritable(/none does not exist/));
  });
});

describe("a temporary file", () => {
  it("is not published when another was put in its place", async () => {
    const at = emptyFolder();
    const output = join(at, "model");
    for (const overwrite of [true, false]) {
      const claimed = await OutputFile.claim(output, { overwrite });
      const file = await claimed.create();
      await file.write(Buffer.from("ours"), 0);
      writeFileSync(join(at, "theirs"), "theirs");
      renameSync(join(at, "theirs"), file.path);
      await expect(claimed.publish(file)).rejects.toThrow(notWritable(/another program replaced .*\.partial/));
      await file.discard();
      await claimed.release();
      // It is not ours to remove, either, until the next run for this file finds it abandoned.
      expect(readdirSync(at)).toEqual([basename(file.path)]);
      await withOutput(output, { overwrite }, async () => {});
      expect(readdirSync(at)).toEqual([]);
    }
  });

  it("is not published over what another process made after it took the lock", async () => {
    const output = join(emptyFolder(), "model");
    const claimed = await OutputFile.claim(output, { overwrite: true });
    const file = await claimed.create();
    writeFileSync(join(dirname(output), ".model.lock"), "theirs");
    await expect(claimed.publish(file)).rejects.toThrow(notWritable(/its lock .* was taken by another program/));
    await file.discard();
    await claimed.release();
    expect(readdirSync(dirname(output))).toEqual([".model.lock"]);
  });

  it.runIf(posix)("gets the permissions of the file that it replaces, and is never more open", async () => {
    const output = join(emptyFolder(), "model");
    for (const mode of [0o600, 0o444, 0o755]) {
      writeFileSync(output, "old");
      chmodSync(output, mode);
      const claimed = await OutputFile.claim(output, { overwrite: true });
      const file = await claimed.create();
      expect(statSync(file.path).mode & 0o777 & ~(mode | 0o600)).toBe(0);
      await claimed.publish(file);
      await claimed.release();
      expect(statSync(output).mode & 0o777).toBe(mode);
      rmSync(output, { force: true });
    }
    const before = process.umask(0o027);
    try {
      await writeWhole(output, "new");
    } finally {
      process.umask(before);
    }
    expect(statSync(output).mode & 0o777).toBe(0o640);
  });

  it.runIf(posix)("is gone on with only where it is a file of one name", async () => {
    const at = emptyFolder();
    const target = await findTarget(join(at, "model"), true);
    const victim = join(at, "victim");
    writeFileSync(victim, "mine");
    for (const make of [symlinkSync, linkSync]) {
      make(victim, join(at, ".model.partial"));
      const file = await TemporaryFile.reopen(target, true);
      await file.write(Buffer.from("ours"), 0);
      await file.discard();
      expect(readFileSync(victim, "utf8")).toBe("mine");
    }
    writeFileSync(join(at, ".model.partial"), "earlier");
    const resumed = await TemporaryFile.reopen(target, true);
    await resumed.close();
    expect(readFileSync(resumed.path, "utf8")).toBe("earlier");
    const anew = await TemporaryFile.reopen(target, false);
    expect(readFileSync(anew.path, "utf8")).toBe("");
    await anew.discard();
    expect(readdirSync(at)).toEqual(["victim"]);
  });
});

describe("what a dead process left", () => {
  it("is removed by the next run for the same file, and nothing else is", async () => {
    const at = emptyFolder();
    const id = "0123456789ab";
    const others = [`.other.${id}.partial`, `.model.${id}.partial.txt`, `model.${id}.partial`, ".model.partial"];
    for (const name of [...others, `.model.${id}.partial`, `.model.lock.${id}`]) writeFileSync(join(at, name), "");
    if (posix) symlinkSync("model", join(at, ".model.ffffffffffff.partial"));
    await withOutput(join(at, "model"), { overwrite: false }, async () => {});
    const kept = [...others, ...(posix ? [".model.ffffffffffff.partial"] : [])];
    expect(readdirSync(at).sort()).toEqual(kept.sort());
  });

  it("is removed where it was to become a lock and does not say whose, and kept where it may be another machine's", async () => {
    const at = emptyFolder();
    const id = "0123456789ab";
    const empty = [`.model.lock.${id}`, `.model.lock.0123456789abcdef.0.${id}`];
    for (const name of empty) writeFileSync(join(at, name), "");
    const theirs = { ".model.lock.ba9876543210": JSON.stringify({ ...thisProcess(), host: "elsewhere" }) };
    for (const [name, content] of Object.entries(theirs)) writeFileSync(join(at, name), content);
    await withOutput(join(at, "model"), { overwrite: false }, async () => {});
    expect(readdirSync(at)).toEqual(Object.keys(theirs));
  });

  it("is removed at once where it names the process: of a lock that was being taken, or removed", async () => {
    const at = emptyFolder();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const ended = JSON.stringify({ ...thisProcess(), process: pid });
    const left = ["", "0123456789ab", "0123456789abcdef.0", "0123456789abcdef.0.f497fc44e42c"];
    const begin = () => {
      for (const name of left) writeFileSync(join(at, [".model.lock", name].filter(Boolean).join(".")), ended);
    };
    writeFileSync(join(at, ".model.lock.ba9876543210"), JSON.stringify(thisProcess()));
    begin();
    await withOutput(join(at, "model"), { overwrite: false }, async () => {});
    expect(readdirSync(at)).toEqual([".model.lock.ba9876543210"]);
    // A file that is written row by row is held in the same way.
    begin();
    await (await holdOutput(join(at, "model"))).release();
    expect(readdirSync(at)).toEqual([".model.lock.ba9876543210"]);
  });
});

describe("whether a process has ended", () => {
  it("is known of this machine's, and of no other", () => {
    const us = thisProcess();
    expect([isLocal(us), hasEnded(us)]).toEqual([true, false]);
    const { pid = 0 } = spawnSync(process.execPath, ["-e", ""]);
    expect(hasEnded({ ...us, process: pid })).toBe(true);
    expect(hasEnded({ ...us, process: pid, host: "elsewhere" })).toBe(false);
    expect(hasEnded({ ...us, process: pid, boot: "another start" })).toBe(false);
    expect(hasEnded({ ...us, process: pid, space: "another container" })).toBe(false);
    for (const odd of [0, -1, 1.5, Number.NaN])
      expect([isLocal({ ...us, process: odd }), hasEnded({})]).toEqual([false, false]);
  });

  it.runIf(linux)(
    "is known where its number is another one's by now, or where it was only not asked how it ended",
    async () => {
      expect(hasEnded({ ...thisProcess(), started: "1" })).toBe(true);
      // The shell's child ends when another program has taken the shell's place, which never asks.
      const shell = spawn("sh", ["-c", "sleep 1 & echo $!; exec sleep 30"]);
      const number = Number((await once(shell.stdout, "data"))[0]);
      const holder = { ...thisProcess(), process: number, started: "" };
      while (!hasEnded(holder)) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(hasEnded(holder)).toBe(true);
      expect(readFileSync(`/proc/${number}/stat`, "utf8")).toContain(") Z ");
      shell.kill();
    },
  );
});
