import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { RawReply } from "../e2e/raw-http.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { Home, RunningProcess } from "../process/processes.ts";
import { createHome, endBy } from "../process/processes.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import type { FaultContext } from "../testbed/fault-wire.ts";
import { chunk, head, healthyJson, healthyScript, LAST_CHUNK, send, sendWhole, STREAM_HEADERS } from "../testbed/fault-wire.ts";
import { dialects } from "./dialects.ts";

/** Secrets that are planted; none may come out again. Some with characters that escapes and encodings would change. */
const canaries = {
  openaiKey: "sk-canary-openai-7f3a9b",
  secondKey: "sk-canary-second-51c2de",
  anthropicKey: "sk-ant-canary-0b77aa",
  googleKey: "AIza-canary-google-93d1",
  header: "canary-header-value-e4f5",
  query: "canary-query-value-a1b2",
  password: "canary-url-password-c3d4",
  prompt: "canary prompt text of a client",
  answer: "canary answer text of a model",
  unknownKey: "tok_canaryOfAnUnknownKey00000000000000000000",
} as const;

let server: FaultServer;
let home: Home;
let daemon: RunningProcess;
let origin: string;
/** Everything that came out: of the HTTP side, of commands, of files. */
const outputs: { readonly where: string; readonly bytes: Buffer }[] = [];
const note = (where: string, bytes: string | Buffer): void => void outputs.push({ where, bytes: Buffer.from(bytes) });
/** The gateway's own keys, each with the one place that may show it. */
const ownKeys = new Map<string, string>();

before(async () => {
  server = await createFaultServer();
  home = await createHome();
  await home.writeConfig(`
gateway: { logging: { level: debug } }
providers:
  openai: { api_keys: [${canaries.openaiKey}, ${canaries.secondKey}], base_url: "${server.url}/v1", models: [gpt-mock], headers: { x-team-secret: ${canaries.header} }, query: { subscription: ${canaries.query} } }
  anthropic: { api_key: ${canaries.anthropicKey}, base_url: "${server.url}", models: [claude-mock] }
  google: { api_key: ${canaries.googleKey}, base_url: "${server.url}", models: [gemini-mock] }
  # Nobody listens there.
  gone: { protocols: [openai-chat], api_key: ${canaries.secondKey}, base_url: "http://127.0.0.1:9/v1", models: [gone-mock] }
`);
  daemon = await home.start();
  origin = `http://127.0.0.1:${daemon.port}`;
});
after(async () => {
  await home.clear();
  await server.close();
});

async function call(
  path: string,
  { body, key = daemon.api_key!, method = "POST" }: { body?: string; key?: string; method?: string } = {},
): Promise<RawReply> {
  const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
  const reply = await sendRaw(origin, { method, path, headers, ...(body === undefined ? {} : { body }) });
  note(`${method} ${path} ${reply.status}: head`, reply.rawHeaders.join("\n"));
  // The client's own words and the model's go back to the client; nothing else does.
  const text = reply.body.toString().replaceAll(canaries.answer, "").replaceAll(canaries.prompt, "");
  note(`${method} ${path} ${reply.status}: body`, text);
  return reply;
}

test("secrets are used where they belong", async () => {
  ownKeys.set(daemon.api_key!, "start");
  server.use((context) => {
    const text = (value: object | string): string =>
      (typeof value === "string" ? value : JSON.stringify(value)).replaceAll("Hello", canaries.answer);
    if (!context.isStream) return sendWhole(context, 200, {}, text(healthyJson(context.protocol)));
    const { opening, pieces, finish, end } = healthyScript(context.protocol);
    return send(
      context,
      Buffer.concat([
        Buffer.from(head(200, STREAM_HEADERS)),
        chunk(text(opening + pieces.join("") + finish + end)),
        Buffer.from(LAST_CHUNK),
      ]),
    ).then(() => undefined);
  });
  for (const dialect of dialects)
    for (const stream of [false, true]) {
      const reply = await call(dialect.path(stream), { body: dialect.body(stream, canaries.prompt) });
      assert.equal(reply.status, 200, reply.body.toString());
      assert.ok(reply.body.includes(canaries.answer));
    }
  const heads = server.requests.map(({ rawHead }) => rawHead).join("\n");
  for (const secret of [canaries.openaiKey, canaries.secondKey, canaries.anthropicKey, canaries.googleKey, canaries.header, canaries.query])
    assert.ok(heads.includes(secret), `${secret} is sent`);
  for (const { body } of server.requests.filter(({ method }) => method === "POST")) assert.ok(body.includes(canaries.prompt));
  assert.ok(!heads.includes(daemon.api_key!), "the gateway's own key stays here");
});

test("an upstream that repeats what it was sent, in heads and bodies, gives nothing away", async () => {
  // Also the other key of the same provider, as a proxy's error page might show it.
  const echo = (status: number, stream: boolean) => (context: FaultContext) => {
    const said = context.request.rawHead.replaceAll("\r\n", " | ");
    const error = JSON.stringify({ type: "error", error: { type: "x", code: status, status: "X", message: `You sent: ${said}` } });
    return stream
      ? sendWhole(context, 200, { "content-type": "text/event-stream" }, `event: error\ndata: ${error}\n\n`)
      : sendWhole(context, status, { "x-echo": "1", "www-authenticate": "Bearer" }, error);
  };
  for (const status of [400, 401, 403, 404, 422, 429, 500, 503])
    for (const dialect of dialects) {
      server.use(echo(status, false));
      await call(dialect.path(false), { body: dialect.body(false, canaries.prompt) });
    }
  for (const dialect of dialects) {
    server.use(echo(500, true));
    await call(dialect.path(true), { body: dialect.body(true, canaries.prompt) });
    for (const fault of ["reset-mid-body", "garbage", "html-200", "half-json", "redirect-302"] as const) {
      server.use(fault);
      await call(dialect.path(false), { body: dialect.body(false, canaries.prompt) });
      await call(dialect.path(true), { body: dialect.body(true, canaries.prompt) });
    }
  }
  await call("/v1/chat/completions", {
    body: JSON.stringify({ model: "gone-mock", messages: [{ role: "user", content: canaries.prompt }] }),
  });
});

test("requests that are refused give nothing away", async () => {
  server.use("healthy");
  const refused = [
    [400, { body: `{"model":"gpt-mock","messages":"${canaries.prompt}"` }],
    [400, { body: `{"model":"gpt-mock","model":"${canaries.prompt}"}` }],
    [401, { body: "{}", key: canaries.unknownKey }],
  ] as const;
  for (const [status, options] of refused) assert.equal((await call("/v1/chat/completions", options)).status, status);
  assert.equal((await call(`/v1/chat/completions?key=${canaries.unknownKey}`, { body: "{}" })).status, 400);
  assert.equal((await call(`/nowhere?key=${daemon.api_key!}`, { method: "GET" })).status, 404);
});

test("the operator's own views give nothing away", async () => {
  for (const path of [
    "/health",
    "/health/ready",
    "/metrics",
    "/v1/models",
    "/api/v1/config",
    "/api/v1/routes",
    "/api/v1/models",
    "/api/v1/users",
    "/api/v1/keys",
    "/api/v1/usage",
    "/api/v1/status",
    "/api/v1/usage/entries",
    "/api/v1/budgets",
    "/api/v1/limits",
    "/api/v1/ledger",
    "/api/v1/prices/sources",
    "/api/v1/routes/explain?model=gpt-mock",
  ])
    assert.equal((await call(path, { method: "GET" })).status, 200, path);
  const { body } = await call("/api/v1/config", { method: "GET" });
  assert.match(body.toString(), /\[secret\]/);

  const made = await home.tokligence("apikey", "create", "admin", "--name", "second");
  const [second] = /tok_[\w-]+/.exec(made.stdout)!;
  ownKeys.set(second, "apikey create");
  note("apikey create", made.stdout + made.stderr);
  for (const args of [["user", "list"], ["apikey", "list"], ["usage"], ["apikey", "list", "--json"], ["route", "explain", "gpt-mock"]]) {
    const { code, stdout, stderr } = await home.tokligence(...args);
    assert.equal(code, 0, stderr);
    note(args.join(" "), stdout + stderr);
  }
});

test("a fault near a secret in a configuration is reported without the secret", async () => {
  const bad = await createHome();
  try {
    await bad.writeConfig(
      `providers:\n  openai: { api_key: [${canaries.openaiKey}], headers: ${canaries.header}, api_keys: ${canaries.secondKey}, base_url: "x://u:${canaries.password}@h" }\n`,
    );
    const { code, stdout, stderr } = await bad.daemon("start");
    assert.equal(code, 1);
    assert.match(stderr, /config\.yaml:2/);
    note("start with a bad configuration", stdout + stderr);
  } finally {
    await bad.clear();
  }
});

test("of all that came out, nothing holds a secret that must not be there", async () => {
  // While it runs: what lies in the write-ahead log counts, too.
  for (const file of ["gateway.db", "gateway.db-wal", "gateway.db-shm", "gateway.log", "gateway.pid", "gateway.lock"])
    note(file, await readFile(`${home.place}/${file}`));
  const journal = `${home.database}.journal`;
  const segments = await readdir(journal);
  for (const file of segments) note(`journal ${file}`, await readFile(`${journal}/${file}`));
  const segment = outputs.find(({ where }) => where.startsWith("journal ") && where.endsWith(".wal"))!;
  assert.ok(segment.bytes.length > 1000, "there was something to find");
  const { stdout, stderr } = await endBy(daemon, "SIGTERM");
  note("start", stdout + stderr);
  for (const file of ["gateway.db", "gateway.log"]) note(`${file} after the end`, await readFile(`${home.place}/${file}`));
  // The rows are there, so there was something to find.
  assert.ok(home.rows().length > 60);
  assert.ok(outputs.find(({ where }) => where === "gateway.log")!.bytes.length > 5000);

  const leaks: string[] = [];
  for (const { where, bytes } of outputs) {
    for (const [name, secret] of Object.entries(canaries))
      for (const form of formsOf(secret)) if (bytes.includes(form)) leaks.push(`${name} in ${where}: ${around(bytes, form)}`);
    for (const [key, place] of ownKeys)
      for (const form of formsOf(key))
        if (where !== place && bytes.includes(form)) leaks.push(`a gateway key in ${where}: ${around(bytes, form)}`);
  }
  assert.deepEqual(leaks, []);
  for (const [key, place] of ownKeys)
    assert.ok(outputs.find(({ where }) => where === place)!.bytes.includes(key), "shown where it is made");
});

/** As it is, in base64, and as a URL has it. */
function formsOf(secret: string): readonly string[] {
  return [...new Set([secret, Buffer.from(secret).toString("base64").replace(/=+$/, ""), encodeURIComponent(secret)])];
}

function around(bytes: Buffer, form: string): string {
  const at = bytes.indexOf(form);
  return JSON.stringify(bytes.toString("latin1", Math.max(0, at - 80), at + form.length + 20));
}
