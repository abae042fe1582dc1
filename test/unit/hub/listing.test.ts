/** Lists that never end: a hub, or a proxy before it, may say anything. */
import { describe, expect, it } from "vitest";
import { HubError } from "../../../src/errors.ts";
import { listRepository } from "../../../src/hub/listing.ts";
import type { FakeHub } from "./fake-hub.ts";
import { clientOf, failureOf, startHub } from "./support.ts";

const list = (hub: FakeHub, signal?: AbortSignal) =>
  listRepository(clientOf(hub), { id: hub.repository, revision: "main" }, signal);
const pages = (hub: FakeHub) => hub.seen.filter(({ path }) => path.includes("/tree/")).length;

async function refusalOf(hub: FakeHub): Promise<Error> {
  const error = await failureOf(list(hub));
  expect(error).toBeInstanceOf(HubError);
  expect(error).toMatchObject({ code: "ERR_HUB_RESPONSE" });
  return error as Error;
}

const folder = (i: number) => ({ type: "directory", oid: "0".repeat(40), size: 0, path: `folder-${i}` });
const file = (i: number) => ({ type: "file", oid: "0".repeat(40), size: 1, path: `file-${i}` });

describe("a list of a repository", () => {
  it("that names the page itself as the next one is refused", async () => {
    const hub = await startHub();
    hub.editNext = (next) => {
      next.searchParams.delete("cursor");
      return next;
    };
    expect((await refusalOf(hub)).message).toMatch(/is invalid: the list links back to a page already listed/);
    expect(pages(hub)).toBe(1);
  });

  it("whose pages go in a circle is refused", async () => {
    const hub = await startHub();
    hub.editList = () => [];
    hub.editNext = (next) => {
      next.searchParams.set("cursor", String(Number(next.searchParams.get("cursor")) % 3000));
      return next;
    };
    expect((await refusalOf(hub)).message).toMatch(/links back to a page already listed/);
    expect(pages(hub)).toBeLessThan(5);
  });

  it("that repeats its files under ever new addresses is refused", async () => {
    const hub = await startHub();
    hub.editList = () => [file(1)];
    hub.editNext = (next) => next;
    expect((await refusalOf(hub)).message).toMatch(/names the file "file-1" twice/);
    expect(pages(hub)).toBe(2);
  });

  it.each<[string, number, () => unknown[], RegExp]>([
    ["empty pages", 300, () => [], /more than 300 pages/],
    ["pages of folders", 101, () => Array.from({ length: 1000 }, (_, i) => folder(i)), /more than 100000 entries/],
  ])("that goes on with %s is given up", async (_name, most, entries, message) => {
    const hub = await startHub();
    hub.editList = entries;
    hub.editNext = (next) => next;
    expect((await refusalOf(hub)).message).toMatch(message);
    expect(pages(hub)).toBe(most);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "a million folders",
      () => Array.from({ length: 1_000_000 }, (_, i) => folder(i)),
      /sends more than 8388608 bytes/,
    ],
    ["a million nothings", () => new Array(1_000_000).fill({}), /more than 100000 entries/],
    ["too many files", () => Array.from({ length: 20_001 }, (_, i) => file(i)), /more than 20000 files/],
    ["null", () => null, /cannot be read/],
    ["a list of null", () => [null], /cannot be read/],
  ])("with %s on a page is refused", async (_name, entries, message) => {
    const hub = await startHub();
    hub.editList = entries as FakeHub["editList"];
    expect((await refusalOf(hub)).message).toMatch(message);
  });

  it("is given up when it is aborted", async () => {
    const hub = await startHub();
    const controller = new AbortController();
    hub.editList = () => [];
    hub.editNext = (next) => {
      if (pages(hub) === 3) controller.abort(new Error("enough"));
      return next;
    };
    await expect(list(hub, controller.signal)).rejects.toThrow("enough");
    expect(pages(hub)).toBeLessThan(6);
    await expect(list(hub, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });
});
