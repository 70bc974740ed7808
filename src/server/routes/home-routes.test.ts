import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { rawClient, startEdge, type TestEdgeOptions } from "../testing.ts";
import type { HealthReport } from "./health-report.ts";
import { homeRoutes, prefersHtml, type HomeDeps } from "./home-routes.ts";

const more = { since: null, last_error: null, last_error_at: null };

const report: HealthReport = {
  status: "degraded",
  version: "1.2.3",
  uptime_seconds: 5,
  dependencies: [
    { name: "database", state: "up", latency_ms: 1, message: null, ...more },
    { name: "journal", state: "degraded", latency_ms: null, message: "81 % <full>", ...more },
  ],
  providers: [{ name: "openai", state: "down", latency_ms: 3, message: "status 503 & more", ...more, keys: [] }],
};

const home: HomeDeps = {
  readHealth: () => Promise.resolve(report),
  authEnabled: () => true,
  hasSingleSignOn: () => false,
  suggestModel: () => "gpt-5-nano",
};

/** As Firefox and Chrome ask for a page. */
const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

type StartTest = Parameters<typeof startEdge>[0];

/** The page as a browser gets it, and its headers. */
async function openPage(
  t: StartTest,
  more: readonly string[] = [],
  options: TestEdgeOptions & { readonly deps?: Partial<HomeDeps> } = {},
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly port: number }> {
  const { deps = {}, ...edge } = options;
  const { port } = await startEdge(t, homeRoutes({ ...home, ...deps }), edge);
  const client = await rawClient(t, port);
  const host = more.some((line) => line.startsWith("host:")) ? [] : [`host: localhost:${port}`];
  client.send(["GET / HTTP/1.1", ...host, `accept: ${browserAccept}`, ...more, "", ""].join("\r\n"));
  const { status, headers, body } = await client.answer();
  assert.equal(status, 200);
  return { headers, body: Buffer.from(body, "latin1").toString("utf8"), port };
}

/** Names of elements in the order of a page, checked to be closed in order; names and values of their attributes. */
function parsePage(html: string): { readonly elements: readonly string[]; readonly attributes: readonly string[] } {
  const open: string[] = [];
  const elements: string[] = [];
  const attributes: string[] = [];
  for (const [, close, name = "", rest = ""] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)>/g)) {
    if (close === "/") assert.equal(open.pop(), name);
    else {
      elements.push(name);
      attributes.push(...[...rest.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, attribute, value]) => `${attribute}=${value ?? ""}`));
      if (!["meta", "link"].includes(name)) open.push(name);
    }
  }
  assert.deepEqual(open, []);
  return { elements, attributes };
}

test("a browser gets a page with version, health, base URLs and a snippet for each client, at the address that it called", async (t) => {
  const { headers, body, port } = await openPage(t);
  const origin = `http://localhost:${port}`;
  assert.deepEqual(
    [headers["content-type"], headers["cache-control"], headers["vary"], headers["x-content-type-options"], headers["referrer-policy"]],
    ["text/html; charset=utf-8", "no-store", "accept", "nosniff", "no-referrer"],
  );
  for (const part of [
    "Version 1.2.3",
    "serves, but something needs attention",
    `<dt>OpenAI</dt><dd><code>${origin}/v1</code>`,
    `<dt>Anthropic</dt><dd><code>${origin}/anthropic</code>`,
    `<dt>Gemini</dt><dd><code>${origin}</code>`,
    "tokligence apikey create admin",
    "docs/README.md",
  ])
    assert.ok(body.includes(part), part);
  const titles = [...body.matchAll(/<summary>(.*?)<\/summary>/g)].map(([, title]) => title!.replaceAll(/<[^>]*>/g, ""));
  assert.deepEqual(titles, [
    "curl shell",
    "OpenAI SDK Python",
    "OpenAI SDK Node",
    "Anthropic SDK Python",
    "Anthropic SDK Node",
    "Gemini SDK Python",
    "Gemini SDK Node",
    "Codex ~/.codex/config.toml",
    "Claude Code shell",
    "gemini-cli shell",
  ]);
  for (const snippet of body.split("<details").slice(1)) assert.ok(snippet.includes(origin) && snippet.includes("gpt-5-nano"), snippet);
});

test("the page needs nothing but itself: no script, no handler, no address elsewhere, and its style is the one that the policy names", async (t) => {
  const { headers, body } = await openPage(t);
  const { elements, attributes } = parsePage(body);
  assert.deepEqual(
    elements.filter((name) => ["script", "iframe", "img", "form", "object", "embed", "a", "base"].includes(name)),
    [],
  );
  assert.deepEqual(
    attributes.filter((attribute) => /^(?:on|style=)|^(?:src|href)=(?!data:image\/svg)/.test(attribute)),
    [],
  );
  const style = /<style>([^]*?)<\/style>/.exec(body)![1]!;
  assert.doesNotMatch(style, /url\(|@import/);
  for (const rule of ["prefers-color-scheme:dark", "max-width", "overflow-x:auto"]) assert.ok(style.includes(rule), rule);
  assert.equal(
    headers["content-security-policy"],
    `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  assert.ok(Buffer.byteLength(body) < 16_384, `${Buffer.byteLength(body)} bytes`);
});

test("what is inside is shown on the gateway's own machine only, with every text escaped", async (t) => {
  const local = await openPage(t);
  assert.ok(local.body.includes("<dt>openai</dt><dd>fails: status 503 &amp; more</dd>"));
  assert.ok(local.body.includes("<dt>journal</dt><dd>needs attention: 81 % &lt;full&gt;</dd>"));
  for (const far of [["host: gateway.example"], ["x-forwarded-for: 203.0.113.7"]]) {
    const { body } = await openPage(t, far);
    assert.doesNotMatch(body, /gpt-5-nano|status 503|81 %|openai<\/dt>/);
    assert.ok(body.includes("&quot;model&quot;: &quot;loopback&quot;"));
  }
});

test("a Host header that no address has is not repeated, and https behind a proxy is kept", async (t) => {
  for (const host of ['x"><script>alert(1)</script>', "a.example'onload='x", "a b", "&lt;", "h".repeat(101)]) {
    const { body } = await openPage(t, [`host: ${host}`]);
    assert.ok(body.includes("<code>http://localhost:8081/v1</code>"), host);
    assert.ok(!body.includes(host), host);
    parsePage(body);
  }
  const { body } = await openPage(t, ["host: llm.example", "x-forwarded-proto: https"]);
  assert.ok(body.includes("<code>https://llm.example/v1</code>"));
  const strange = await openPage(t, ["host: [2001:db8::1]:8081", "x-forwarded-proto: javascript"]);
  assert.ok(strange.body.includes("<code>http://[2001:db8::1]:8081/v1</code>"));
});

test("without authentication the page says that any key is taken", async (t) => {
  const { body } = await openPage(t, [], { limits: { authEnabled: false }, deps: { authEnabled: () => false } });
  assert.ok(body.includes("any text is taken as the key"));
  assert.doesNotMatch(body, /apikey create/);
});

test("programs get JSON, HEAD gets the same headers without a body, and neither needs a key", async (t) => {
  const { origin } = await startEdge(t, homeRoutes(home));
  const json = await fetch(`${origin}/`);
  assert.equal(json.headers.get("content-type"), "application/json");
  assert.deepEqual(await json.json(), {
    name: "Tokligence Gateway",
    version: "1.2.3",
    status: "degraded",
    base_urls: { openai: `${origin}/v1`, anthropic: `${origin}/anthropic`, gemini: origin },
  });
  for (const accept of [browserAccept, "*/*"]) {
    const get = await fetch(`${origin}/`, { headers: { accept } });
    const head = await fetch(`${origin}/`, { headers: { accept }, method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.equal(head.headers.get("content-type"), get.headers.get("content-type"));
    assert.equal(head.headers.get("content-length"), String((await get.arrayBuffer()).byteLength));
  }
});

test("HTML is for those who name it, and like nothing of JSON better", () => {
  const rows: readonly [string, boolean][] = [
    [browserAccept, true],
    ["Text/HTML", true],
    ["text/html;q=0.9, application/json;q=0.5", true],
    ["", false],
    ["*/*", false],
    ["application/json", false],
    ["application/json, text/html;q=0.9", false],
    ["text/html;q=0", false],
    ["text/html;q=x", false],
    ["text/htmlx", false],
  ];
  for (const [accept, expected] of rows) assert.equal(prefersHtml(accept), expected, accept);
});

test("the page has a link to sign in if there is single sign-on, and none otherwise", async (t) => {
  const link = '<a href="api/v1/sso">Sign in</a>';
  const withLink = await openPage(t, [], { deps: { hasSingleSignOn: () => true } });
  assert.ok(withLink.body.includes(link));
  assert.ok(!(await openPage(t)).body.includes(link));
});
