/** The circumstances of a measurement: machine, versions, load. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeMachine as describeProcessor } from "../dist/src/native/machine.js";
import { LLAMA_VERSION } from "../dist/src/native/runtime-folder.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function describeMachine() {
  return {
    cpu: os.cpus()[0]?.model ?? "unknown",
    cores: os.availableParallelism(),
    ...processorFeatures(),
    memoryBytes: os.totalmem(),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
  };
}

/** Instruction sets that kernels are chosen by; nothing where the system does not tell. */
function processorFeatures() {
  const { features } = describeProcessor();
  return features === undefined ? {} : { features };
}

export function describeVersions() {
  const { version, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    "starling-rm": version,
    "llama.cpp": LLAMA_VERSION,
    "node-llama-cpp": devDependencies["node-llama-cpp"],
    node: process.versions.node,
    ...sourceCommit(),
  };
}

/** The commit; nothing outside a git checkout. */
function sourceCommit() {
  const git = (...args) => spawnSync("git", ["-C", root, ...args], { encoding: "utf8" }).stdout?.trim();
  const commit = git("rev-parse", "HEAD");
  return commit ? { commit, sourceChanged: git("status", "--porcelain", "src", "native") !== "" } : {};
}

/** Load average of the last minute; always 0 on Windows. */
export function load() {
  return os.loadavg()[0];
}
