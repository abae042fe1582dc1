import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import type { BackendState } from "../../../src/server/contract.ts";
import { ServerMetrics } from "../../../src/server/metrics.ts";

it("tells requests, items, the queue and the scoring process", async () => {
  let state: BackendState = { status: "loading" };
  const counters = { computedTokens: 100, reusedTokens: 40, restarts: 0 };
  const metrics = new ServerMetrics({
    queue: () => ({ items: 3, tokens: 512 }),
    early: () => 5,
    inFlight: () => 2,
    state: () => state,
    counters: () => counters,
  });
  metrics.request({ route: "/v1/score", dialect: "score", status: 200, ms: 300 });
  metrics.request({ route: "/v1/score", dialect: "score", status: 200, ms: 3000 });
  metrics.request({ route: "", dialect: "", status: 404, ms: 0 });
  metrics.scored({ queueSeconds: 0.02, computeSeconds: 0.2, tokenCount: 300, truncated: false });
  metrics.scored({ queueSeconds: 0.02, computeSeconds: 0.2, tokenCount: 2048, truncated: true });
  metrics.notScored("cancelled");
  const lines = (await metrics.text()).split("\n");
  for (const line of [
    'starling_rm_requests_total{route="/v1/score",dialect="score",status="200"} 2',
    'starling_rm_requests_total{route="other",dialect="",status="404"} 1',
    'starling_rm_request_seconds_bucket{le="0.5",route="/v1/score"} 1',
    'starling_rm_items_total{outcome="scored"} 2',
    'starling_rm_items_total{outcome="cancelled"} 1',
    'starling_rm_item_tokens_bucket{le="512"} 1',
    "starling_rm_truncated_total 1",
    "starling_rm_queue_items 3",
    "starling_rm_queue_tokens 512",
    "starling_rm_loading_requests 5",
    "starling_rm_in_flight_items 2",
    "starling_rm_computed_tokens_total 100",
    "starling_rm_reused_prefix_tokens_total 40",
    'starling_rm_state{state="loading"} 1',
    'starling_rm_state{state="ready"} 0',
  ])
    expect(lines).toContain(line);

  state = { status: "ready" };
  Object.assign(counters, { computedTokens: 150, restarts: 1 });
  const later = await metrics.text();
  expect(later).toContain("starling_rm_computed_tokens_total 150\n");
  expect(later).toContain("starling_rm_restarts_total 1\n");
  expect(later).toContain('starling_rm_state{state="ready"} 1\n');
  expect(later).toMatch(/^starling_rm_queue_seconds_count 2$/m);
});

const idle = {
  queue: () => ({ items: 0, tokens: 0 }),
  early: () => 0,
  inFlight: () => 0,
  state: (): BackendState => ({ status: "ready" }),
  counters: () => ({ computedTokens: 0, reusedTokens: 0, restarts: 0 }),
};

it("are of one server", async () => {
  const [one, other] = [new ServerMetrics(idle), new ServerMetrics(idle)];
  one.notScored("failed");
  expect(await one.text()).toContain('starling_rm_items_total{outcome="failed"} 1');
  expect(await other.text()).not.toContain('outcome="failed"');
});

it("are what the example dashboard asks for", async () => {
  const dashboard: unknown = JSON.parse(
    await readFile(new URL("../../../docs/grafana-dashboard.json", import.meta.url), "utf8"),
  );
  const { panels } = dashboard as { panels: { title: string; targets: { expr: string }[] }[] };
  const text = await new ServerMetrics(idle).text();
  const known = new Set(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
      type === "histogram" ? [`${name}_bucket`] : [name],
    ),
  );
  const asked = new Set(
    panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/starling_rm_\w+/g) ?? [])),
  );
  expect([...asked].filter((name) => !known.has(name))).toEqual([]);
  const own = [...known].filter((name) => name?.startsWith("starling_rm_"));
  expect(own.filter((name) => !asked.has(name as string))).toEqual([]);
});
