import { describe, expect, it } from "vitest";
import { isRefusedForNow, patiently, windowsNameProblem, withoutLongForm } from "../../../src/files/windows.ts";

const failing = (code: string) => Object.assign(new Error(code), { code });

describe("a name on Windows", () => {
  it.each([
    ["NUL", "device"],
    ["con.gguf", "device"],
    ["Com1", "device"],
    ["model:q4.gguf", '":"'],
    ["what?.gguf", '"?"'],
    ["model.", "dot or space"],
    ["model ", "dot or space"],
  ])("cannot be %j", (name, reason) => {
    expect(windowsNameProblem(name)).toContain(reason);
  });

  it.each(["model.gguf", "console.gguf", "名前 ü.gguf", ".hidden", "nullable", "a b.c"])("can be %j", (name) => {
    expect(windowsNameProblem(name)).toBeUndefined();
  });
});

describe("a path in Windows' long form", () => {
  it.each([
    ["\\\\?\\C:\\a b.gguf", "C:\\a b.gguf"],
    ["\\\\.\\c:\\x\\y", "c:\\x\\y"],
    ["\\\\?\\UNC\\server\\share\\a", "\\\\?\\UNC\\server\\share\\a"],
    ["\\\\.\\NUL", "\\\\.\\NUL"],
    ["C:\\a", "C:\\a"],
    ["\\\\server\\share\\a", "\\\\server\\share\\a"],
  ])("%s is %s", (path, plain) => {
    expect(withoutLongForm(path)).toBe(plain);
  });
});

describe("a file that another program has open on Windows", () => {
  it("is waited for", async () => {
    let left = 3;
    const action = async () => {
      if (left-- > 0) throw failing("EPERM");
      return "moved";
    };
    expect(await patiently(action, { platform: "win32" })).toBe("moved");
  });

  it("is busy in the end", async () => {
    const action = () => Promise.reject(failing("EACCES"));
    await expect(patiently(action, { platform: "win32", patienceMs: 30 })).rejects.toMatchObject({ code: "EBUSY" });
  });

  it("is not waited for when something else is wrong, or elsewhere", async () => {
    let asked = 0;
    const action = (code: string) => () => {
      asked += 1;
      return Promise.reject(failing(code));
    };
    await expect(patiently(action("ENOENT"), { platform: "win32" })).rejects.toMatchObject({ code: "ENOENT" });
    await expect(patiently(action("EPERM"), { platform: "linux" })).rejects.toMatchObject({ code: "EPERM" });
    expect(asked).toBe(2);
    expect(isRefusedForNow(failing("EPERM"), "win32")).toBe(true);
  });
});
