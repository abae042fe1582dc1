/** Renders a report as one self-contained HTML page: no fonts, images or requests, and one script, which searches the mistakes. */
import { invalidArgument } from "../../errors.ts";
import { readable } from "../../options.ts";
import { type EvaluationReport, isReport } from "../report.ts";
import { benchmarkSection } from "./benchmark-section.ts";
import { grouped, html, type Markup, short } from "./markup.ts";
import { pageOf } from "./page.ts";
import { summarySection } from "./summary.ts";

const MAX_NAME = 120;
const MAX_NOTICE = 1000;

/**
 * The same report gives the same bytes. Texts from data sets are escaped and shortened. As a second line of defence the page's
 * content security policy forbids every request and every script but its own, which it names by hash. Without scripts all is shown.
 *
 * @param report of evaluate(), also as it comes out of report.json
 * @returns an HTML document, to be written as UTF-8
 */
export function renderHtml(report: EvaluationReport): string {
  if (!readable("report", () => isReport(report)))
    throw invalidArgument("report", "the report of an evaluation", report);
  const { model, benchmarks } = report;
  const name = short(model.name, MAX_NAME);
  return pageOf(
    `Evaluation of ${name}`,
    html`<header><p class="eyebrow">Reward model evaluation</p><h1>${name}</h1>${
      model.notice !== undefined && html`<p class="verdict bad">${short(model.notice, MAX_NOTICE)}</p>`
    }${(model.notices ?? []).map(
      (notice) => html`<p class="verdict bad">Note: ${short(notice, MAX_NOTICE)}</p>`,
    )}</header>
${summarySection(report)}
${benchmarks.map(benchmarkSection)}
${settingsSection(report)}`,
  );
}

function settingsSection({ version, model, settings, benchmarks }: EvaluationReport): Markup {
  const complete = benchmarks.filter(({ limit }) => limit === undefined).map(({ title }) => title);
  const isSampled = settings.limit !== undefined && complete.length < benchmarks.length;
  const facts: [string, string | undefined][] = [
    ["Model file", model.file],
    ["SHA-256", model.sha256],
    ["Profile", model.profile],
    ["Weights", `${model.type}, ${grouped(model.parameters)} parameters`],
    ["Head", model.head && `${model.head.file}, ${model.head.sha256}`],
    ["Tokenization", settings.tokenization],
    ["Special tokens", settings.specialTokens],
    ["Date in the chat template", settings.templateDate],
    ["Context", `last ${grouped(settings.maxTokens)} tokens`],
    ["Backend", `${settings.backend}, ${settings.batchMode} batches`],
    [
      "Prompts per benchmark",
      isSampled
        ? `at most ${grouped(settings.limit ?? 0)}, sampled at random${complete.length > 0 ? `; all of ${complete.join(", ")}` : ""}`
        : "all",
    ],
    ["Seed", String(settings.seed)],
    ["Made with", `starling-rm ${version}, llama.cpp ${settings.llamaVersion}`],
  ];
  return html`<section aria-labelledby="settings-h"><h2 id="settings-h">How this was measured</h2>
<dl class="facts">${facts.map(([term, fact]) => fact !== undefined && html`<dt>${term}</dt><dd>${fact}</dd>`)}</dl></section>`;
}
