/** One request through the dialects, as the server takes it, with a made-up score for each item: no HTTP, no model. */
import { isStarlingError } from "../../../src/errors.ts";
import { checkItem } from "../../../src/prompt/items.ts";
import { checkBody } from "../../../src/server/check-body.ts";
import type { RawText } from "../../../src/server/choices.ts";
import type { Dialect, DialectContext, NamedItem, ServedModel, ServedScore } from "../../../src/server/contract.ts";
import { chooseDialect, dialects, dialectsByPath } from "../../../src/server/dialects/index.ts";
import { rawTextReader } from "../../../src/server/dialects/raw-text.ts";

const paths = dialectsByPath(dialects);

export interface Reply {
  readonly dialect: Dialect;
  readonly status: number;
  readonly items: readonly NamedItem[];
  /** As a client parses it. */
  readonly body: unknown;
  readonly text: string;
}

export interface ServeOptions {
  readonly rawText?: RawText;
  /** In the order of the items. Default: 0.5, 1.5, … */
  readonly scores?: readonly number[];
  readonly results?: readonly Partial<ServedScore>[];
  /** Of the model. Default: "higher". */
  readonly direction?: "higher" | "lower";
}

const context = (rawText: RawText, direction = "higher"): DialectContext => ({
  rawText: rawTextReader(rawText),
  model: { name: "starling-rm-tiny", heads: [], info: { direction } } as unknown as ServedModel,
  requestId: "r1",
  created: 1_790_000_000,
});

export function serveOnce(path: string, body: unknown, options: ServeOptions = {}): Reply {
  const { rawText = "exact", scores = [], results = [] } = options;
  const atPath = paths.get(path);
  if (atPath === undefined) throw new Error(`Nothing is served at ${path}.`);
  const dialect = chooseDialect(atPath, body);
  const reply = (status: number, items: readonly NamedItem[], value: unknown): Reply => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return { dialect, status, items, text, body: JSON.parse(text) };
  };
  try {
    checkBody(dialect.body, body);
    const { items, answer, rules } = dialect.read(body as never, context(rawText, options.direction));
    for (const { item, name } of items) checkItem(item, name, rules);
    const served = items.map((_, i) => ({
      ...{ score: scores[i] ?? i + 0.5, tokenCount: 10 + i, truncated: false, scorePosition: 9 + i },
      ...results[i],
    }));
    return reply(200, items, answer(served));
  } catch (error) {
    if (!isStarlingError(error)) throw error;
    const { code, message, field } = error;
    const status = dialect.invalidStatus ?? 400;
    return reply(status, [], dialect.refuse({ status, code, message, field }));
  }
}
