import { createHash } from "node:crypto";
import type { DependencyHealth, HealthReport } from "./health-report.ts";
import { snippetsOf, type Snippet } from "./home-snippets.ts";

/** What the page shows. */
export interface HomeView {
  readonly version: string;
  readonly status: HealthReport["status"];
  /** The address that the browser called. */
  readonly origin: string;
  readonly authEnabled: boolean;
  /** The model of the snippets. */
  readonly model: string;
  /** Whether people can sign in at an identity provider. */
  readonly hasSingleSignOn: boolean;
  /** Shown only to callers on the gateway's own machine. */
  readonly internals: Pick<HealthReport, "dependencies" | "providers"> | undefined;
}

/** Base URLs by what the client speaks. */
export function baseUrlsOf(origin: string): Readonly<Record<"openai" | "anthropic" | "gemini", string>> {
  return { openai: `${origin}/v1`, anthropic: `${origin}/anthropic`, gemini: origin };
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--ground:#fff;--code:#f3f5f7;--ok:#1a7f37;--warn:#9a6700;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--ground:#0d1117;--code:#161b22;--ok:#3fb950;--warn:#d29922;--bad:#ff7b72}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:clamp(1rem,4vw,3rem);font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}
.soft{color:var(--soft)}
.ok{color:var(--ok)}.degraded{color:var(--warn)}.unavailable{color:var(--bad)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0}
code,pre{font:14px/1.5 ui-monospace,monospace}
pre{margin:.5rem 0;padding:.75rem;background:var(--code);border-radius:6px;overflow-x:auto;overflow-wrap:normal}
dd code{user-select:all}
details{border-top:1px solid var(--line)}
details:last-of-type{border-bottom:1px solid var(--line)}
summary{padding:.5rem 0;cursor:pointer}
@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
`;

/** The page loads nothing: no scripts, and only its own styles, whose hash is in the policy. */
export const homePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 8h14M10 3l5 5-5 5' fill='none' stroke='%23808080' stroke-width='2'/%3E%3C/svg%3E";

/** The page at `/`, for people who open the gateway's address in a browser. */
export function renderHomePage(view: HomeView): string {
  const { version, status, origin } = view;
  const urls = baseUrlsOf(origin);
  return renderPage(
    "Tokligence Gateway",
    `<p><span class="soft">Version ${escapeHtml(version)}</span> · <strong class="${status}">${statusTexts[status]}</strong></p>
${view.hasSingleSignOn ? '<p><a href="api/v1/sso">Sign in</a></p>\n' : ""}${internalsOf(view)}
<h2>Base URLs</h2>
<dl>
<dt>OpenAI</dt><dd><code>${escapeHtml(urls.openai)}</code></dd>
<dt>Anthropic</dt><dd><code>${escapeHtml(urls.anthropic)}</code></dd>
<dt>Gemini</dt><dd><code>${escapeHtml(urls.gemini)}</code></dd>
</dl>
<h2>The key</h2>
${keyText(view)}
<h2>Connect</h2>
<p class="soft">Each snippet asks the model <code>${escapeHtml(view.model)}</code>. Any model of <code>GET /v1/models</code> works with any client.</p>
${snippetsOf(view).map(detailsOf).join("\n")}
<h2>More</h2>
<p>The documentation is in the folder <code>docs</code> of the gateway; it begins with <code>docs/README.md</code>. Every command explains itself with <code>--help</code>. Programs get this page as JSON.</p>`,
  );
}

/** A page in the manner of `/`, under `homePolicy`. @param body HTML. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${icon}">
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

const statusTexts: Readonly<Record<HealthReport["status"], string>> = {
  ok: "in order",
  degraded: "serves, but something needs attention",
  unavailable: "not ready",
};

function internalsOf({ internals }: HomeView): string {
  if (internals === undefined) return "";
  const troubled = internals.dependencies.filter(({ state }) => state !== "up");
  const rows = [...troubled, ...internals.providers].map(stateRow);
  return rows.length === 0 ? "" : `<h2>State</h2>\n<dl>\n${rows.join("\n")}\n</dl>`;
}

const stateTexts: Readonly<Record<DependencyHealth["state"], string>> = {
  up: "answers",
  degraded: "needs attention",
  down: "fails",
  idle: "not called yet",
  disabled: "off",
};

function stateRow({ name, state, message }: DependencyHealth): string {
  return `<dt>${escapeHtml(name)}</dt><dd>${stateTexts[state]}${message === null ? "" : `: ${escapeHtml(message)}`}</dd>`;
}

function keyText({ authEnabled, origin }: HomeView): string {
  if (!authEnabled) return "<p>Authentication is off: any text is taken as the key.</p>\n<pre>export TOKLIGENCE_KEY=any</pre>";
  return `<p>A key begins with <code>tok_</code>. The first start showed one, once; the gateway stores only its hash. A new key is made on the gateway's machine:</p>
<pre>tokligence user list
tokligence apikey create admin</pre>
<p>The snippets take it from a variable:</p>
<pre>export TOKLIGENCE_KEY=tok_…
curl ${escapeHtml(origin)}/v1/models -H "authorization: Bearer $TOKLIGENCE_KEY"</pre>`;
}

function detailsOf({ title, place, text }: Snippet): string {
  const name = `${escapeHtml(title)} <span class="soft">${escapeHtml(place)}</span>`;
  return `<details${title === "curl" ? " open" : ""}><summary>${name}</summary><pre>${escapeHtml(text)}</pre></details>`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}
