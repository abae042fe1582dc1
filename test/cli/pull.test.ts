import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomOf } from "../random.ts";
import { COMMIT, FakeHub } from "../unit/hub/fake-hub.ts";
import { checkWholeFiles, incompleteFiles, shardedFiles } from "../unit/hub/support.ts";
import { type Ended, type Environment, ended, folder, repository, run, start } from "./run-cli.ts";

const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const KILLS = 20;

let hub: FakeHub;

beforeAll(async () => {
  const embedded = join(repository, "models", "starling-rm-tiny");
  const names = readdirSync(embedded).filter((name) => /^(?:config|token|special|model)/.test(name));
  hub = await FakeHub.start(Object.fromEntries(names.map((name) => [name, readFileSync(join(embedded, name))])));
});

afterAll(() => hub.stop());

function at(server: FakeHub, home: string, more: Environment = {}): Environment {
  return { HF_ENDPOINT: server.endpoint, HF_HOME: home, HF_TOKEN: undefined, ...more };
}

const newHome = () => mkdtempSync(join(folder, "home-"));
const snapshotOf = (home: string) => join(home, "hub", "models--someone--tiny-reward", "snapshots", COMMIT);

describe("pull", () => {
  it("prints the folder, which convert and inspect take", async () => {
    const home = newHome();
    const pulled = await run(["pull", hub.repository], "", at(hub, home));
    expect(pulled).toMatchObject({ code: 0, stdout: `${snapshotOf(home)}\n` });
    expect(pulled.stderr).toMatch(/^starling-rm: someone\/tiny-reward at 01234567: \d+ files, [\d.]+ MiB\n$/);
    const json = await run(["pull", `hf:${hub.repository}@main`, "--json"], "", at(hub, home));
    expect(JSON.parse(json.stdout)).toMatchObject({ folder: snapshotOf(home), commit: COMMIT });
    expect((await run(["inspect", snapshotOf(home)])).code).toBe(0);
  });

  it("goes through the proxy that is set, or says which one fails, without its password", async () => {
    const proxy = { HTTP_PROXY: "http://ada:sesame@127.0.0.1:9" };
    const failed = await run(["pull", hub.repository], "", at(hub, newHome(), proxy));
    expect(failed).toMatchObject({ code: 2, stdout: "" });
    expect(failed.stderr).toMatch(
      /^starling-rm: The proxy 127\.0\.0\.1:9 \(HTTP_PROXY\) cannot be reached \(ECONNREFUSED\): correct HTTP_PROXY, or list 127\.0\.0\.1:\d+ in NO_PROXY\.\n$/,
    );
    const direct = await run(["pull", hub.repository], "", at(hub, newHome(), { ...proxy, NO_PROXY: "127.0.0.1" }));
    expect(direct.code).toBe(0);
  });

  it("makes a GGUF of it, which says where it comes from", async () => {
    const output = join(folder, "pulled.gguf");
    const args = ["pull", hub.repository, "--type", "q8_0", "-o", output];
    const made = await run(args, "", at(hub, newHome()));
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/pulled\.gguf: .* tensors/) });
    const { stdout } = await run(["inspect", output, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ source: { name: hub.repository, revision: COMMIT } });
    const before = hub.seen.length;
    expect(await run(args, "", at(hub, newHome()))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/already exists; --force replaces it\n$/),
    });
    expect(hub.seen.length).toBe(before);
  });

  it.each([
    [["pull", "nobody/nothing"], /no nobody\/nothing at main, or it is private/],
    [["pull", "someone/tiny-reward", "--revision", "v9"], /no such revision/],
    [["pull", "nonsense"], /Expected OWNER\/NAME.*or a name of starling-rm models.*starling-rm models lists the names/],
    [["pull", "starling-rm-43b"], /The nearest names: starling-rm-34b,/],
    [["convert", "hf:skywork-qwen3-4b", "-o", "x.gguf"], /The nearest names: skywork-v2-qwen3-4b,/],
    [["convert", "athene-rm-8b", "-o", "x.gguf"], /athene-rm-8b does not exist\. .*written hf:athene-rm-8b/],
    [["convert", "athena-rm-8b", "-o", "x.gguf"], /athena-rm-8b does not exist\. .*similar names: hf:athene-rm-8b,/],
    [["pull", "Nexusflow/Starling-34B"], /has no Nexusflow\/Starling-34B.*similar names: starling-rm-34b/],
    [["pull", "a/b", "-o", "x.gguf"], /--output needs --type/],
    [["inspect", "hf:nobody/nothing"], /no nobody\/nothing/],
  ])("%j fails in one line", async (args, message) => {
    const { code, stdout, stderr } = await run(args, "", at(hub, newHome()));
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^starling-rm: [^\n]*\n$/);
    expect(stderr).toMatch(message);
  });

  it("explains a gated repository, and never shows a token", async () => {
    hub.gate = { token: "hf_right", code: "GatedRepo" };
    try {
      const stranger = await run(["pull", hub.repository], "", at(hub, newHome()));
      expect(stranger).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/is gated: accept its conditions at http/),
      });
      const debug = at(hub, newHome(), { HF_TOKEN: "hf_not_right", STARLING_RM_DEBUG: "1" });
      const wrong = await run(["pull", hub.repository], "", debug);
      expect(wrong).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/the account of the given token has no access/),
      });
      expect(wrong.stderr).not.toContain("hf_not_right");
      expect((await run(["pull", hub.repository], "", at(hub, newHome(), { HF_TOKEN: "hf_right" }))).code).toBe(0);
    } finally {
      hub.gate = undefined;
    }
  });

  it("shares a download with another process that pulls the same", async () => {
    const home = newHome();
    hub.bytesPerSecond = 5_000_000;
    hub.seen.length = 0;
    const both = await Promise.all([1, 2].map(() => run(["pull", hub.repository], "", at(hub, home))));
    hub.bytesPerSecond = undefined;
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    for (const name of SHARDS) expect(hub.requestsFor(name)).toHaveLength(1);
    expect(checkWholeFiles(hub, home)).toBe(2 * 7);
  });

  it("goes on after Ctrl-C", async () => {
    const home = newHome();
    hub.bytesPerSecond = 1_000_000;
    const from = hub.bytesSent;
    const child = start(["pull", hub.repository], at(hub, home));
    const end = ended(child);
    while (hub.bytesSent < from + 500_000) await sleep(2);
    child.kill("SIGINT");
    expect(await end).toMatchObject({ code: 130, stdout: "", stderr: "starling-rm: stopped by Ctrl-C\n" });
    expect(incompleteFiles(home).length).toBeGreaterThan(0);
    hub.bytesPerSecond = undefined;
    hub.seen.length = 0;
    expect((await run(["pull", hub.repository], "", at(hub, home))).code).toBe(0);
    expect(SHARDS.flatMap((name) => hub.requestsFor(name)).some(({ range }) => range !== undefined)).toBe(true);
    expect(checkWholeFiles(hub, home)).toBeGreaterThan(0);
  });
});

describe("inspect", () => {
  it("describes a checkpoint on the hub as the one it is", async () => {
    const home = newHome();
    const { code, stdout } = await run(["inspect", `hf:${hub.repository}`, "--json"], "", at(hub, home));
    expect(code).toBe(0);
    const here = await run(["inspect", join(repository, "models", "starling-rm-tiny"), "--json"]);
    // What is free differs from moment to moment.
    const comparable = (text: string) => {
      const found = JSON.parse(text);
      return { ...found, path: "", memory: { ...found.memory, available: 0 } };
    };
    expect(comparable(stdout)).toEqual(comparable(here.stdout));
    expect(readdirSync(home)).toEqual([]);
  });
});

describe("a pull that is killed", () => {
  it(`leaves nothing that claims to be whole and is not, at ${KILLS} moments, and is completed by the next`, async () => {
    const slow = await FakeHub.start(shardedFiles());
    const below = randomOf(11);
    let killed = 0;
    let whole = 0;
    for (let home = newHome(), i = 0; killed < KILLS; i++) {
      // In a new cache every fifth time, so that beginnings are met, too; by bytes, and by time for what comes before.
      if (i % 5 === 0) home = newHome();
      slow.bytesPerSecond = 1_000_000;
      const [bytes, ms] = i % 4 === 3 ? [Infinity, below(700)] : [slow.bytesSent + below(300_000), Infinity];
      if (await killedAt(slow, home, bytes, ms)) killed += 1;
      whole += checkWholeFiles(slow, home);
      if (i % 5 !== 4) continue;
      slow.bytesPerSecond = undefined;
      expect(await pulled(slow, home)).toMatchObject({ code: 0 });
      expect(checkWholeFiles(slow, home)).toBe(2 * 6);
      expect(incompleteFiles(join(home, "hub")).filter(({ path }) => path.includes("blobs"))).toEqual([]);
    }
    // The kills were where it matters: some files were whole, others not.
    expect(whole).toBeGreaterThan(KILLS);
    await slow.stop();
  });

  const pulled = (server: FakeHub, home: string): Promise<Ended> =>
    run(["pull", server.repository], "", at(server, home));

  /** Whether it was killed, and not done before. */
  async function killedAt(server: FakeHub, home: string, bytes: number, ms: number): Promise<boolean> {
    const child = start(["pull", server.repository], at(server, home));
    let done = false;
    const end = ended(child).then((result) => {
      done = true;
      return result;
    });
    for (const started = performance.now(); server.bytesSent < bytes && performance.now() - started < ms && !done; )
      await sleep(1);
    child.kill("SIGKILL");
    return (await end).code === null;
  }
});
