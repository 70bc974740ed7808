import { createHash } from "node:crypto";
import { posix } from "node:path";
import type createMarkdown from "markdown-it";

type MarkdownIt = InstanceType<typeof createMarkdown>;

/** The pages that are shipped with the gateway, in Markdown; their names are relative to `docs/`: `clients/codex.md`. */
export interface DocsSource {
  readonly pages: readonly string[];
  read(page: string): string | undefined;
  /** The sections that fit a question best, the best first. */
  search(question: string, limit: number): readonly { readonly page: string; readonly heading: string; readonly text: string }[];
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--ground:#fff;--code:#f3f5f7;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--ground:#0d1117;--code:#161b22;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem clamp(1rem,4vw,3rem) 3rem;font:16px/1.6 system-ui,sans-serif;color:var(--ink);background:var(--ground);overflow-wrap:anywhere}
a{color:var(--link)}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;padding-bottom:.75rem;border-bottom:1px solid var(--line)}
header form{display:flex;gap:.5rem;margin-left:auto}
input,button{font:inherit;color:inherit;background:var(--code);border:1px solid var(--line);border-radius:6px;padding:.25rem .6rem;max-width:100%}
h1{font-size:1.7rem;line-height:1.25}h2{font-size:1.25rem;margin-top:2rem}h3{font-size:1.05rem}
code,pre{font:14px/1.5 ui-monospace,monospace}
code{background:var(--code);border-radius:4px;padding:.1em .3em}
pre{background:var(--code);border-radius:6px;padding:.75rem;overflow-x:auto;overflow-wrap:normal}
pre code{padding:0}
.wide{overflow-x:auto}
table{border-collapse:collapse;overflow-wrap:normal}
th,td{border:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
nav.toc{font-size:.9rem;color:var(--soft)}
footer{margin-top:3rem;padding-top:.75rem;border-top:1px solid var(--line);color:var(--soft);font-size:.9rem}
`;

/** No scripts, nothing from elsewhere; the search is a form that asks the gateway itself. */
export const docsPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const indexPage = "README.md";
const foundSections = 20;
const longestExtract = 300;

/** Renders the pages of the documentation as HTML. */
export interface DocsSite {
  /** @param path after `/docs/`: empty, `running.html`, `clients/codex.html`. `undefined`: there is no such page. */
  readonly render: (path: string) => string | undefined;
  readonly renderSearch: (question: string) => string;
}

export function createDocsSite(source: DocsSource, markdown: MarkdownIt, version: string): DocsSite {
  const known = new Set([...source.pages, indexPage]);
  const rendered = new Map<string, string>();
  const tried = readTried(source.read("tried.md") ?? "");
  const frame = (page: string, title: string, body: string, note = ""): string => {
    const root = "../".repeat(page.split("/").length - 1);
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Tokligence Gateway</title>
<style>${style}</style>
</head>
<body>
<header><a href="${root === "" ? "./" : root}">Documentation</a><form action="${root}search" role="search"><input name="q" type="search" aria-label="Search the documentation" placeholder="Search" required><button>Search</button></form></header>
<main>
${body}
</main>
<footer>${note}Tokligence Gateway ${escapeHtml(version)}. These pages are those of this version.</footer>
</body>
</html>
`;
  };
  return {
    render(path) {
      const page = path === "" ? indexPage : path.replace(/\.html$/, ".md");
      if (path !== "" && (!path.endsWith(".html") || !known.has(page) || page === indexPage)) return undefined;
      const text = source.read(page) ?? (page === indexPage ? listOf(source.pages) : undefined);
      if (text === undefined) return undefined;
      let html = rendered.get(page);
      if (html === undefined) {
        const { title, body } = renderMarkdown(markdown, text, page, known);
        html = frame(page, title, body, triedNote(tried.get(page)));
        rendered.set(page, html);
      }
      return html;
    },
    renderSearch(question) {
      const found = question.trim() === "" ? [] : source.search(question, foundSections);
      const items = found.map(({ page, heading, text }) => {
        const anchor = heading.includes(" › ") ? `#${slugOf(heading.slice(heading.lastIndexOf(" › ") + 3))}` : "";
        const words = plainOf(text);
        const extract = words.length > longestExtract ? `${words.slice(0, longestExtract)}…` : words;
        return `<h3><a href="${escapeHtml(hrefOf(page, page))}${anchor}">${escapeHtml(plainOf(heading))}</a></h3>\n<p>${escapeHtml(extract)}</p>`;
      });
      const none = "<p>Nothing was found. Other words may help; the list of all pages is on the first page.</p>";
      return frame(
        "search",
        "Search",
        `<h1>Search: ${escapeHtml(question.slice(0, 200))}</h1>\n${items.length === 0 ? none : items.join("\n")}`,
      );
    },
  };
}

interface Tried {
  readonly version: string;
  readonly day: string;
}

/** The rows of `tried.md`, by page. The page of all pages is `README.md`; that of the project, `../README.md`, is not on the site. */
function readTried(text: string): ReadonlyMap<string, Tried> {
  const rows = text.matchAll(/^\| \[[^\]]*\]\(([^)]+)\) \| \d+ \| (\S+) \| (\d{4}-\d\d-\d\d) \|$/gm);
  return new Map([...rows].map(([, page, version, day]) => [page!, { version: version!, day: day! }]));
}

function triedNote(tried: Tried | undefined): string {
  if (tried === undefined) return "<p>Nobody has tried this page yet.</p>\n";
  return `<p>Tried on <time>${tried.day}</time> with version ${escapeHtml(tried.version)}.</p>\n`;
}

function listOf(pages: readonly string[]): string {
  return `# Documentation\n\n${pages.map((page) => `- [${page.replace(/\.md$/, "")}](${page})`).join("\n")}\n`;
}

function renderMarkdown(
  markdown: MarkdownIt,
  text: string,
  page: string,
  known: ReadonlySet<string>,
): { readonly title: string; readonly body: string } {
  const tokens = markdown.parse(text, {});
  const used = new Map<string, number>();
  const toc: string[] = [];
  let title = "";
  for (const [index, token] of tokens.entries()) {
    if (token.type === "heading_open") {
      const words = tokens[index + 1]?.content ?? "";
      const slug = slugOf(words);
      const count = used.get(slug) ?? 0;
      used.set(slug, count + 1);
      const id = count === 0 ? slug : `${slug}-${count}`;
      token.attrSet("id", id);
      if (token.tag === "h1" && title === "") title = plainOf(words);
      if (token.tag === "h2") toc.push(`<a href="#${escapeHtml(id)}">${escapeHtml(plainOf(words))}</a>`);
    }
    linkChildren(token.children ?? [], page, known);
  }
  const html = markdown.renderer
    .render(tokens, markdown.options, {})
    .replaceAll("<table>", '<div class="wide"><table>')
    .replaceAll("</table>", "</table></div>");
  const contents = toc.length < 3 ? "" : `<nav class="toc" aria-label="On this page">On this page: ${toc.join(" · ")}</nav>`;
  return { title: title === "" ? page : title, body: html.replace("</h1>", `</h1>\n${contents}`) };
}

type Tokens = NonNullable<ReturnType<MarkdownIt["parse"]>[number]["children"]>;

/** Links to pages lead to their HTML; those to files that are not shipped become plain text. */
function linkChildren(children: Tokens, page: string, known: ReadonlySet<string>): void {
  for (const [index, token] of children.entries()) {
    const href = token.type === "link_open" ? token.attrGet("href") : null;
    if (typeof href !== "string" || /^(?:https?:|mailto:|#)/.test(href)) continue;
    const [path = "", anchor] = href.split("#");
    const target = posix.normalize(posix.join(posix.dirname(page), path));
    if (known.has(target)) {
      token.attrSet("href", `${path === "" ? "" : hrefOf(path, target)}${anchor === undefined ? "" : `#${anchor}`}`);
      continue;
    }
    const close = children.findIndex((other, at) => at > index && other.type === "link_close");
    for (const part of [token, children[close]]) {
      if (part === undefined) continue;
      part.type = "html_inline";
      part.content = "";
      part.tag = "";
    }
  }
}

/** The address of a page's HTML, from the path of its Markdown. @param target the page that the path leads to. */
function hrefOf(path: string, target: string): string {
  return target === indexPage ? path.replace(/README\.md$/, "") || "./" : path.replace(/\.md$/, ".html");
}

/** The anchor of a heading, as code hosts make it. */
function slugOf(words: string): string {
  return plainOf(words)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** Words without the marks of Markdown. */
function plainOf(text: string): string {
  return text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/`{3}\w*|[`*|]/g, "");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
