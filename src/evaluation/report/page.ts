/** The frame of a page: policy, style, script. */
import { createHash } from "node:crypto";
import { type Content, html, Markup } from "./markup.ts";
import { searchScript } from "./search-script.ts";
import { style } from "./style.ts";

/** A string of its own: a bundler takes the end of a script apart in a tagged template. */
const SCRIPT = new Markup(`<script>${searchScript}</script>`);

/** A self-contained HTML document. Its policy forbids every request, and every script but its own. */
export function pageOf(title: string, body: Content): string {
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(searchScript)}; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<main>
${body}
</main>
${SCRIPT}
</body>
</html>
`;
  return page.source;
}

/** What a content security policy allows the element with this content by. */
function hashOf(content: string): string {
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}
