/** What the routes share. */
import type { FastifyInstance } from "fastify";
import type { AccessControl } from "./access/access.ts";
import type { ScoringBackend } from "./contract.ts";
import type { ServerMetrics } from "./metrics.ts";
import type { CheckedOptions } from "./options.ts";
import type { Work } from "./queue/work.ts";

export interface ServerContext {
  readonly app: FastifyInstance;
  readonly backend: ScoringBackend;
  readonly work: Work;
  readonly options: CheckedOptions;
  readonly access: AccessControl;
  readonly metrics: ServerMetrics;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly isDraining: () => boolean;
}
