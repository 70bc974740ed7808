import assert from "node:assert/strict";
import { test } from "node:test";
import { startEdge } from "../testing.ts";
import { docsRoutes } from "./docs-routes.ts";
import type { DocsSource } from "./docs-page.ts";

const texts: Readonly<Record<string, string>> = {
  "README.md": "# Documentation\n\n- [Run it](running.md#stop-it), [Codex](clients/codex.md), [Contribute](../CONTRIBUTING.md)\n",
  "running.md": "# Run it\n\n## `stop` it\n\nSee [Codex](clients/codex.md).\n\n| a | b |\n|---|---|\n| <script>alert(1)</script> | 2 |\n",
  "tried.md":
    "# Tried\n\n| page | blocks of code | version | day |\n|---|---|---|---|\n| [docs/clients/codex.md](clients/codex.md) | 1 | 1.2.0 | 2026-01-31 |\n",
  "clients/codex.md": "# Codex\n\n[Back](../running.md#stop-it), [all](../README.md) and [x](https://example.com/).\n",
};

function source(reads: string[]): DocsSource {
  return {
    pages: ["running.md", "clients/codex.md"],
    read: (page) => {
      reads.push(page);
      return texts[page];
    },
    search: (question) => (question === "stop" ? [{ page: "running.md", heading: "Run it › `stop` it", text: 'a "text" of <b>' }] : []),
  };
}

test("the documentation is served below any prefix, without scripts, and is read at the first request", async (t) => {
  const reads: string[] = [];
  let loads = 0;
  const routes = docsRoutes({
    version: "1.2.3",
    readDocs: () => {
      loads += 1;
      return Promise.resolve(source(reads));
    },
  });
  const { origin } = await startEdge(t, routes);
  assert.equal(loads, 0);
  const get = async (path: string): Promise<{ status: number; text: string; headers: Headers }> => {
    const response = await fetch(`${origin}${path}`, { redirect: "manual" });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  const moved = await get("/docs");
  assert.deepEqual([moved.status, moved.headers.get("location")], [308, "docs/"]);
  const index = await get("/docs/");
  assert.equal(index.status, 200);
  assert.match(index.headers.get("content-security-policy")!, /^default-src 'none'; style-src 'sha256-/);
  assert.match(index.text, /<a href="running\.html#stop-it">Run it<\/a>, <a href="clients\/codex\.html">Codex<\/a>, Contribute/);
  assert.match(index.text, /Tokligence Gateway 1\.2\.3\./);
  const running = await get("/docs/running.html");
  assert.match(running.text, /<h2 id="stop-it"><code>stop<\/code> it<\/h2>/);
  assert.match(running.text, /<div class="wide"><table>[^]*&lt;script&gt;/);
  assert.doesNotMatch(running.text, /<script/);
  const codex = await get("/docs/clients/codex.html");
  assert.match(
    codex.text,
    /<a href="\.\.\/running\.html#stop-it">Back<\/a>, <a href="\.\.\/">all<\/a> and <a href="https:\/\/example\.com\/">/,
  );
  assert.match(codex.text, /Tried on <time>2026-01-31<\/time> with version 1\.2\.0\./);
  assert.match(running.text, /Nobody has tried this page yet\./);
  assert.match(codex.text, /<form action="\.\.\/search"/);
  const found = await get("/docs/search?q=stop");
  assert.match(found.text, /<a href="running\.html#stop-it">Run it › stop it<\/a><\/h3>\n<p>a &quot;text&quot; of &lt;b&gt;<\/p>/);
  assert.match((await get("/docs/search?q=%3Cb%3E")).text, /Search: &lt;b&gt;/);
  for (const path of ["/docs/README.html", "/docs/nothing.html", "/docs/running.md"]) assert.equal((await get(path)).status, 404, path);
  assert.equal(loads, 1);
});
