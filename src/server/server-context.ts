/** What the routes share. */
import type { FastifyInstance } from "fastify";
import type { ScoringBackend } from "./contract.ts";
import type { RequestRecord } from "./http/exchange.ts";
import type { CheckedOptions } from "./options.ts";
import type { Work } from "./queue/work.ts";

export interface ServerContext {
  readonly app: FastifyInstance;
  readonly backend: ScoringBackend;
  readonly work: Work;
  readonly options: CheckedOptions;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly isDraining: () => boolean;
  /** Called at the end of each request: for metrics. */
  readonly observers: ((record: RequestRecord) => void)[];
}
