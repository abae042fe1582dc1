/** The manifests of examples/deploy: what Kubernetes' schemas do not see. They were validated with those by hand (its README). */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { ServerMetrics } from "../../src/server/metrics.ts";
import { repository, run } from "./run-cli.ts";

const folder = join(repository, "examples", "deploy");
const text = (name: string) => readFileSync(join(folder, name), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: what a manifest holds is what is tested.
type Manifest = any;
const manifests: readonly Manifest[] = readdirSync(join(folder, "kubernetes")).flatMap((name) =>
  parseAllDocuments(text(`kubernetes/${name}`)).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  }),
);
const of = (kind: string, name: string): Manifest => {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`There is no ${kind} ${name}.`);
  return found;
};
const container = (manifest: Manifest): Manifest => manifest.spec.template.spec.containers[0];
const replicas = of("Deployment", "starling-rm-replicas");
const balancer = of("Deployment", "starling-rm");
const job = of("Job", "starling-rm-score");

/** Long options of a command. */
async function options(command: string): Promise<readonly string[]> {
  const { stdout } = await run([command, "--help"]);
  return [...stdout.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option as string);
}

describe("the manifests for Kubernetes", () => {
  it("select the pods that are there", () => {
    const pods = [replicas, balancer].map(({ spec }) => spec.template.metadata.labels);
    const matches = (selector: Record<string, string>) =>
      pods.filter((labels) => Object.entries(selector).every(([name, value]) => labels[name] === value));
    for (const { kind, spec } of manifests) {
      if (kind === "Service") expect(matches(spec.selector)).toHaveLength(1);
      if (spec.selector?.matchLabels !== undefined) expect(matches(spec.selector.matchLabels)).toHaveLength(1);
    }
    expect(of("HorizontalPodAutoscaler", "starling-rm-replicas").spec.scaleTargetRef.name).toBe("starling-rm-replicas");
  });

  it("give serve options that it has", async () => {
    const args: string[] = container(replicas).args;
    const known = await options("serve");
    expect(known.length).toBeGreaterThan(10);
    for (const arg of args) expect(known).toContain(arg.split("=")[0]);
    // Clients call the service of the balancer by these.
    const service = of("Service", "starling-rm").metadata.name;
    expect(args).toContain(`--allow-host=${service}`);
    expect(args).toContain(`--allow-host=${service}.$(NAMESPACE).svc.cluster.local`);
  });

  it("give HAProxy what its configuration reads", () => {
    const variables = [...text("haproxy.cfg").matchAll(/STARLING_RM_[A-Z_]+/g)].map(([name]) => name);
    const { env } = container(balancer);
    for (const { name } of env) if (name !== "NAMESPACE") expect(variables).toContain(name);
    const address = env.find(({ name }: { name: string }) => name === "STARLING_RM_REPLICAS").value;
    const { metadata, spec } = of("Service", "starling-rm-replicas");
    expect(address).toBe(`${metadata.name}.$(NAMESPACE).svc.cluster.local:${spec.ports[0].port}`);
    const { configMapGenerator, resources } = parse(text("kustomization.yaml"));
    const [volume] = balancer.spec.template.spec.volumes;
    expect(configMapGenerator).toEqual([{ name: volume.configMap.name, files: ["haproxy.cfg"] }]);
    for (const resource of resources) expect(text(resource)).not.toBe("");
  });

  it("scale by a metric that serve has", async () => {
    const metrics = new ServerMetrics({
      queue: () => ({ items: 0, tokens: 0 }),
      early: () => 0,
      inFlight: () => 0,
      state: () => ({ status: "ready" }),
      counters: () => ({ computedTokens: 0, reusedTokens: 0, restarts: 0 }),
    });
    const { name } = of("HorizontalPodAutoscaler", "starling-rm-replicas").spec.metrics[0].pods.metric;
    expect(await metrics.text()).toContain(`# TYPE ${name} gauge\n`);
  });

  it("use one version of the image", () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    for (const manifest of [replicas, job]) expect(container(manifest).image).toBe(`starling-rm:${version}`);
    expect(text("Dockerfile")).toContain(`docker build -t starling-rm:${version} `);
    expect(parse(text("kustomization.yaml")).images[0].newTag).toBe(version);
  });

  it("ask /readyz with the key", async () => {
    const [node, ...args] = container(replicas).readinessProbe.exec.command;
    expect(node).toBe("node");
    let status = 200;
    const server = createServer(({ url, headers }, response) => {
      response.writeHead(url === "/readyz" && headers["x-api-key"] === "secret" ? status : 401).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const probe = async (key: string) => {
      const script = args.map((arg: string) => arg.replace(":8080", `:${port}`));
      const child = spawn(process.execPath, script, { env: { ...process.env, STARLING_RM_API_KEY: key } });
      return (await once(child, "exit"))[0];
    };
    expect(await probe("secret")).toBe(0);
    expect(await probe("other")).toBe(1);
    status = 503;
    expect(await probe("secret")).toBe(1);
    server.close();
  });

  it.skipIf(process.platform === "win32")("give each index of the job its share", async () => {
    const { command, args, env } = container(job);
    const shares = Number(env.find(({ name }: { name: string }) => name === "SHARES").value);
    expect(job.spec.completions).toBe(shares);
    expect(job.spec.maxFailedIndexes).toBeLessThanOrEqual(shares);
    const given = Object.fromEntries(env.map(({ name, value }: { name: string; value: string }) => [name, value]));
    const known = await options("score");
    for (const index of [0, shares - 1]) {
      // The program is the shell's own echo.
      const script = args[0].replace("exec starling-rm", "echo");
      const environment = { ...process.env, ...given, JOB_COMPLETION_INDEX: String(index) };
      const said = execFileSync(command[0], [...command.slice(1), script], { env: environment, encoding: "utf8" });
      expect(said).toContain(` --shard ${index + 1}/${shares} `);
      for (const [option] of said.matchAll(/(?<= )--[\w-]+/g)) expect(known).toContain(option);
    }
  });
});

const kustomize = spawnSync("kubectl", ["version", "--client"]).error === undefined;
it.skipIf(!kustomize)(`kubectl renders all of it${kustomize ? "" : " (skipped: no kubectl)"}`, () => {
  const rendered = execFileSync("kubectl", ["kustomize", folder], { encoding: "utf8" });
  expect(rendered).toContain("balance hash var(txn.prompt)");
});
