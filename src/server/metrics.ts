/** What operators of the server can watch: Prometheus metrics at /metrics. Described for users in docs/server.md. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { BackendCounters, BackendState } from "./contract.ts";
import type { RequestRecord } from "./http/exchange.ts";

/** Of what is watched; asked for at each collection. */
export interface MetricSources {
  readonly queue: () => { readonly items: number; readonly tokens: number };
  /** Requests that wait until the model is loaded. */
  readonly early: () => number;
  /** Items in the scoring process. */
  readonly inFlight: () => number;
  readonly state: () => BackendState;
  readonly counters: () => BackendCounters;
}

export interface ItemRecord {
  /** From its arrival until it was given to the scoring process. */
  readonly queueSeconds: number;
  /** From there to its score. */
  readonly computeSeconds: number;
  readonly tokenCount: number;
  readonly truncated: boolean;
}

/** From a short text on a small model to a long one on a large model that waits behind others. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
const TOKENS = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];
const PREFIX = "starling_rm_";
const STATES: readonly BackendState["status"][] = ["loading", "ready", "restarting", "failed", "closed"];

/** Metrics of one server: two servers in a process do not share them. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"route" | "dialect" | "status">;
  readonly #requestSeconds: Histogram<"route">;
  readonly #queueSeconds: Histogram;
  readonly #computeSeconds: Histogram;
  readonly #itemTokens: Histogram;
  readonly #truncated: Counter;
  readonly #items: Counter<"outcome">;

  constructor({ queue, early, inFlight, state, counters }: MetricSources) {
    const registers = [this.#registry];
    const counter = <T extends string>(name: string, help: string, labelNames: T[] = []) =>
      new Counter({ name: PREFIX + name, help, labelNames, registers });
    const histogram = <T extends string>(name: string, help: string, buckets: number[], labelNames: T[] = []) =>
      new Histogram({ name: PREFIX + name, help, buckets, labelNames, registers });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        ...{ name: PREFIX + name, help, registers },
        collect() {
          this.set(value());
        },
      });
    /** A counter that is kept elsewhere. */
    const counted = (name: string, help: string, value: () => number) =>
      new Counter({
        ...{ name: PREFIX + name, help, registers },
        collect() {
          this.reset();
          this.inc(value());
        },
      });

    this.#requests = counter(
      "requests_total",
      "Requests that ended, by route, dialect and status (499: the client went away).",
      [...(["route", "dialect", "status"] as const)],
    );
    this.#requestSeconds = histogram("request_seconds", "Time from a request to the end of its answer.", SECONDS, [
      "route",
    ]);
    this.#items = counter(
      "items_total",
      "Items that ended: scored, failed (the item's fault), unavailable, cancelled.",
      ["outcome"],
    );
    this.#queueSeconds = histogram("queue_seconds", "Time that a scored item waited.", SECONDS);
    this.#computeSeconds = histogram("compute_seconds", "Time that a scored item was in the scoring process.", SECONDS);
    this.#itemTokens = histogram("item_tokens", "Tokens of a scored item, after truncation.", TOKENS);
    this.#truncated = counter("truncated_total", "Scored items of which tokens were cut off.");
    gauge("queue_items", "Items that wait.", () => queue().items);
    gauge("queue_tokens", "Tokens that wait, estimated.", () => queue().tokens);
    gauge("loading_requests", "Requests that wait until the model is loaded; they are not in the queue yet.", early);
    gauge("in_flight_items", "Items in the scoring process.", inFlight);
    counted("computed_tokens_total", "Tokens that were evaluated.", () => counters().computedTokens);
    counted(
      "reused_prefix_tokens_total",
      "Tokens that an earlier text had in common, and that were not evaluated again.",
      () => counters().reusedTokens,
    );
    counted("restarts_total", "Scoring processes that died and were started again.", () => counters().restarts);
    new Gauge({
      ...{
        name: `${PREFIX}state`,
        help: "1 for the state that the model is in.",
        labelNames: ["state"] as const,
        registers,
      },
      collect() {
        for (const name of STATES) this.set({ state: name }, state().status === name ? 1 : 0);
      },
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  request({ route: known, dialect, status, ms }: Pick<RequestRecord, "route" | "dialect" | "status" | "ms">): void {
    // Whatever clients ask for beside the routes is one.
    const route = known === "" ? "other" : known;
    this.#requests.inc({ route, dialect, status: String(status) });
    this.#requestSeconds.observe({ route }, ms / 1000);
  }

  scored({ queueSeconds, computeSeconds, tokenCount, truncated }: ItemRecord): void {
    this.#items.inc({ outcome: "scored" });
    this.#queueSeconds.observe(queueSeconds);
    this.#computeSeconds.observe(computeSeconds);
    this.#itemTokens.observe(tokenCount);
    if (truncated) this.#truncated.inc();
  }

  notScored(outcome: "failed" | "unavailable" | "cancelled"): void {
    this.#items.inc({ outcome });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
