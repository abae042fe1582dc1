/** Where a report cannot be written is told before any work. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { prepareReportFolder } from "../../../src/evaluation/write-report.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: "ERR_FILE_NOT_WRITABLE", message: expect.stringMatching(message) });

it("makes the folder and those above it, and leaves nothing else in it", async () => {
  const deep = join(folder, "one", "two", "three");
  await prepareReportFolder(deep);
  await prepareReportFolder(deep);
  expect(readdirSync(deep)).toEqual([]);
});

it("says that a file is in the way", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "");
  await expect(prepareReportFolder(path)).rejects.toThrow(refusal(/that is not a folder/));
  await expect(prepareReportFolder(join(path, "sub"))).rejects.toThrow(refusal(/cannot be written/));
});

it("says that a link leads nowhere", async () => {
  const path = join(folder, "link");
  symlinkSync(join(folder, "nowhere"), path);
  await expect(prepareReportFolder(join(path, "sub"))).rejects.toThrow(refusal(/that is not a folder/));
});

it("says that one of the report's files cannot be replaced", async () => {
  const path = join(folder, "taken");
  mkdirSync(join(path, "report.html"), { recursive: true });
  await expect(prepareReportFolder(path)).rejects.toThrow(refusal(/report\.html cannot be written/));
});

// There the system calls the folder above missing, with which Node's recursive mkdir never comes to an end.
it.runIf(process.platform === "linux")("ends where nothing can be made", async () => {
  await expect(prepareReportFolder("/proc/starling-report")).rejects.toThrow(refusal(/cannot be written/));
  await expect(prepareReportFolder("/proc/sys")).rejects.toThrow(refusal(/cannot be written/));
});
