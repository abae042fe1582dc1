/** What is missing on invented machines, and the command that fixes it. */
import { describe, expect, it } from "vitest";
import { findProblems, type MachineFindings } from "../../../src/doctor/find-problems.ts";
import type { RuntimeFinding } from "../../../src/doctor/runtimes.ts";
import type { GpuFacts } from "../../../src/native/gpu-lacks.ts";
import { RUNTIME_PACKAGE_VERSION } from "../../../src/native/runtime-folder.ts";
import { packageRoot } from "../../../src/package-info.ts";

const works: RuntimeFinding = { backend: "cpu", state: "works", devices: [] };
const UBUNTU = "ID=ubuntu\nID_LIKE=debian";
const linux = { os: "linux", arch: "x64" } as const;
const machine = { os: "linux", arch: "x64", release: "6", libc: "glibc 2.36", node: "v20", processor: "x", threads: 2 };
type Changes = Partial<Omit<MachineFindings, "facts"> & GpuFacts>;
const find = ({
  graphics = [],
  missing = () => undefined,
  osRelease = UBUNTU,
  platform = linux,
  ...changes
}: Changes) =>
  findProblems({
    machine,
    runtimes: [works],
    facts: { graphics, missing, osRelease, platform, translated: false },
    locked: [],
    ...changes,
  });
const unknown = ({ missing = () => undefined, ...changes }: Changes) =>
  findProblems({
    machine,
    runtimes: [works],
    facts: { graphics: undefined, missing, platform: linux, translated: false },
    locked: [],
    ...changes,
  });
const cuda = (changes: Partial<RuntimeFinding>): RuntimeFinding => ({
  backend: "cuda",
  state: "works",
  devices: [],
  ...changes,
});
const INSTALL = `npm install --include=optional --prefix ${JSON.stringify(packageRoot())}`;

it("finds nothing where everything works, or where there is no GPU", () => {
  expect(find({ runtimes: [cuda({}), works] })).toEqual([]);
  const runtimes = [
    cuda({ state: "no device", problem: "no NVIDIA driver is installed." }),
    cuda({ state: "not installed" }),
    works,
  ];
  for (const graphics of [[], ["amd"], ["other"]] as const)
    expect(find({ runtimes, graphics: [...graphics] })).toEqual([]);
  expect(unknown({ runtimes })).toEqual([]);
});

describe.runIf(process.platform === "linux" && process.arch === "x64")("with an NVIDIA card (on linux x64)", () => {
  const withCard = (changes: Partial<RuntimeFinding>) =>
    find({ graphics: ["nvidia"], runtimes: [cuda(changes), works] });
  it("asks for its driver, and for no package, while it is missing", () => {
    const missing = (backend: string) =>
      backend === "cuda" ? "no NVIDIA driver is installed" : "no Vulkan driver is installed";
    const driver = {
      what: "This machine has an NVIDIA GPU, but no NVIDIA driver is installed: install it first.",
      command: "sudo ubuntu-drivers install",
    };
    const vulkan = { backend: "vulkan", state: "not installed", devices: [] } as const;
    for (const state of ["no device", "not installed"] as const) {
      const runtimes = [cuda({ state, problem: "no NVIDIA driver is installed." }), { ...vulkan, state }, works];
      expect(find({ graphics: ["nvidia"], runtimes, missing })).toEqual([driver]);
      expect(find({ graphics: ["nvidia"], runtimes, missing, osRelease: "ID=other" })).toEqual([
        { what: expect.stringMatching(/install it first \(https:\S+\)\.$/) },
      ]);
      // Another card needs what it needs.
      expect(find({ graphics: ["nvidia", "amd"], runtimes, missing })).toEqual([
        driver,
        expect.objectContaining({ what: expect.stringMatching(/^vulkan /) }),
      ]);
    }
    expect(find({ graphics: ["amd"], runtimes: [vulkan], missing })).toEqual([
      {
        what: "vulkan cannot be used: no Vulkan driver is installed.",
        command: "sudo apt-get install mesa-vulkan-drivers",
      },
    ]);
  });

  it("asks for the package, also in the right version", () => {
    expect(withCard({ state: "not installed", problem: "gone" })[0]).toMatchObject({ command: INSTALL });
    const old = cuda({ package: "@node-llama-cpp/linux-x64-cuda", version: "3.20.0" });
    expect(find({ runtimes: [old, works] })).toEqual([
      {
        what: `The package @node-llama-cpp/linux-x64-cuda has version 3.20.0, but ${RUNTIME_PACKAGE_VERSION} is needed.`,
        command: INSTALL,
      },
    ]);
  });

  it("takes the command out of a reason that names one", () => {
    const problem = "it needs the library libcuda.so.1, which was not found. Run `sudo x y`.";
    expect(withCard({ state: "no device", problem })[0]?.command).toBe("sudo x y");
    const damaged = "/l is damaged. Install it again: `npm install --force z`.";
    expect(withCard({ state: "broken", problem: damaged })).toEqual([
      { what: `The cuda runtime does not work: ${damaged}`, command: "npm install --force z" },
    ]);
    expect(withCard({ state: "broken", problem: "the driver crashed (SIGSEGV)" })).toEqual([
      { what: "The cuda runtime does not work: the driver crashed (SIGSEGV)." },
    ]);
  });
});

it("asks for Vulkan's loader and driver where there is a GPU", () => {
  const vulkan = (missing: string) =>
    find({
      graphics: ["amd"],
      runtimes: [{ backend: "vulkan", state: "no device", problem: `${missing}.`, devices: [] }, works],
      missing: () => missing,
    });
  expect(vulkan("no Vulkan loader (libvulkan.so.1) is installed")).toEqual([
    {
      what: "vulkan cannot be used: no Vulkan loader (libvulkan.so.1) is installed.",
      command: "sudo apt-get install libvulkan1",
    },
  ]);
  expect(vulkan("no Vulkan driver is installed")[0]?.command).toBe("sudo apt-get install mesa-vulkan-drivers");
  expect(vulkan("the only Vulkan driver runs on the CPU")[0]?.command).toBe("sudo apt-get install mesa-vulkan-drivers");
});

describe("a backend that was asked for by name", () => {
  it("is missed on a machine without its GPU, too", () => {
    const runtimes = [cuda({ state: "no device", problem: "no NVIDIA driver is installed." }), works];
    expect(find({ runtimes, wanted: "cuda", missing: () => "no NVIDIA driver is installed" })).toEqual([
      { what: "cuda cannot be used: no NVIDIA driver is installed, and the system shows no NVIDIA GPU." },
    ]);
  });

  it("is missed on a platform that has no runtime with it", () => {
    expect(find({ wanted: "metal" })).toEqual([
      {
        what: expect.stringMatching(
          /^metal cannot be used: Metal is available only on Macs with Apple silicon\. Here the choices are /,
        ),
      },
    ]);
  });
});

it("says that the user has no permission to open the GPU, and that musl has no prebuilt runtime", () => {
  expect(find({ locked: ["/dev/dri/renderD128"] })).toEqual([
    {
      what: expect.stringContaining("no permission to open /dev/dri/renderD128"),
      command: 'sudo usermod -aG render,video "$USER"',
    },
  ]);
  expect(find({ machine: { ...machine, libc: "musl" } })[0]?.what).toContain("need glibc, but this system uses musl");
});

it("says when the CPU's runtime is what does not work", () => {
  const cpu: RuntimeFinding = {
    backend: "cpu",
    state: "not installed",
    problem: "not there: run `npm install x`.",
    devices: [],
  };
  expect(find({ runtimes: [cpu] })).toEqual([
    { what: "The CPU runtime does not work: not there: run `npm install x`.", command: "npm install x" },
  ]);
});
