/**
 * OpenRLHF's remote reward model: openrlhf/cli/serve_rm.py (server) and openrlhf/utils/agent.py (client), at 3c3be623. One
 * query a request, the decoded prompt and response; with several URLs all but the first get empty lists. The client takes
 * `rewards` and `scores` as they are, and makes a tensor of each value of `extra_logs`.
 */
import Type, { type Static } from "typebox";
import type { Dialect, DialectContext, DialectRequest, ServedScore } from "../contract.ts";
import { below, isGiven, plainError, rawItems, text, texts } from "./parts.ts";

const body = Type.Object({
  query: Type.Union([text, texts], { description: "Prompts with their responses, in the text of a chat template." }),
  prompts: Type.Optional(Type.Unknown({ description: "Ignored: the query holds the prompt." })),
  labels: Type.Optional(Type.Unknown({ description: "Ignored." })),
});

export const openrlhf: Dialect = {
  name: "openrlhf",
  paths: ["/get_reward", ...below(["/openrlhf"], ["", "/get_reward"]), "/"],
  overloadStatus: 503,
  body,
  // At "/" the others have a query with documents or texts.
  claims: ({ query, documents, texts }) => isGiven(query) && !isGiven(documents) && !isGiven(texts),
  read({ query }: Static<typeof body>, context: DialectContext): DialectRequest {
    return { items: rawItems(query, "query", context), answer };
  },
  refuse: plainError,
};

/** Numbers are written as Python writes floats: torch makes an integer tensor of 0, and its mean() refuses that. */
function answer(results: readonly ServedScore[]): string {
  const rewards = `[${results.map(({ score }) => pythonFloat(score)).join(",")}]`;
  const truncated = results.filter((result) => result.truncated).length;
  const warnings = results.filter((result) => result.warnings !== undefined).length;
  const logs = `{"truncated":${pythonFloat(truncated)},"warnings":${pythonFloat(warnings)}}`;
  return `{"rewards":${rewards},"scores":${rewards},"extra_logs":${logs}}`;
}

function pythonFloat(value: number): string {
  const written = JSON.stringify(value);
  return /^-?\d+$/.test(written) ? `${written}.0` : written;
}
