import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createNetServer, type AddressInfo, type Server } from "node:net";
import { after, before, test } from "node:test";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { announcementsOver } from "./both-ways.ts";
import type { TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

const secret = "a secret of the webhook";
const posts: { readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[] = [];
const hooks = createHttpServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    posts.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(request.url?.startsWith("/gone") === true ? 410 : 204).end();
  });
});

const mails: string[] = [];
/** As much of SMTP as a client needs to leave one mail (RFC 5321). */
const smtp = createNetServer((socket) => {
  let data: string | undefined;
  let rest = "";
  socket.on("error", () => undefined);
  socket.write("220 test ESMTP\r\n");
  socket.on("data", (chunk) => {
    rest += chunk.toString();
    for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 2);
      if (data === undefined) {
        if (line === "DATA") data = "";
        socket.write(line === "DATA" ? "354 go on\r\n" : "250 ok\r\n");
      } else if (line === ".") {
        mails.push(data);
        data = undefined;
        socket.write("250 taken\r\n");
      } else data += `${line}\n`;
    }
  });
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  for (const server of [hooks, smtp]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const origin = `http://127.0.0.1:${portOf(hooks)}`;
  const config = `
prices: { gpt-mock: { input: "0", output: "100000" }, gpt-mock-2: { input: "0", output: "100000" } }
alerts:
  webhooks:
    ops: { url: "${origin}/hook/a?b=c", secret: "${secret}" }
    chat: { url: "${origin}/slack", format: slack, events: [unpriced_model] }
  email: { to: [ops@example.org], from: gateway@example.org, host: 127.0.0.1, port: ${portOf(smtp)}, tls: "off" }
`;
  gateway = await startGateway({ config: withMockUpstream(mock.url, config) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
});
after(async () => {
  await gateway.stop();
  await mock.close();
  hooks.closeAllConnections();
  for (const server of [hooks, smtp]) await new Promise((resolve) => server.close(resolve));
});

async function admin(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const reply = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await reply.json()) as Record<string, unknown>;
}

async function ask(key: string, model: string): Promise<number> {
  mock.enqueue({ usage: { input: 5, output: 10 } });
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 10, messages: [{ role: "user", content: "Hello" }] }),
  });
  await reply.text();
  return reply.status;
}

test("a used up budget and a model without a price reach the webhooks, signed, and the mailbox, once", async () => {
  const { key } = await gateway.createKey("alice");
  await admin("POST", "/budgets", { subject: "model:gpt-mock", period: "month", stop_usd: "1", warn_usd: "1" });
  assert.deepEqual([await ask(key, "gpt-mock"), await ask(key, "claude-mock"), await ask(key, "claude-mock")], [200, 200, 200]);
  await gateway.rows();
  await waitUntil("the alerts are sent", () => posts.length === 3 && mails.length === 2);
  const json = posts.filter(({ path }) => path === "/hook/a?b=c");
  const events = json
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    .toSorted((a, b) => (String(a["event"]) < String(b["event"]) ? -1 : 1));
  assert.deepEqual(
    events.map(({ event, subject, message }) => [event, subject, message]),
    [
      ["budget_stopped", "model:gpt-mock", "The budget of model:gpt-mock (month) is used up: 1 of 1 US dollars. Its requests are refused."],
      [
        "unpriced_model",
        "anthropic/claude-mock",
        "No price is known for anthropic/claude-mock: its cost is recorded as unknown. Set one under prices; `tokligence prices check` lists all such models.",
      ],
    ],
  );
  for (const { headers, body } of json) {
    const signed = `${String(headers["x-tokligence-timestamp"])}.${body}`;
    assert.equal(headers["x-tokligence-signature"], `sha256=${createHmac("sha256", secret).update(signed).digest("hex")}`);
    assert.equal(headers["authorization"], undefined);
  }
  const slack = posts.filter(({ path }) => path === "/slack").map(({ body }) => JSON.parse(body) as { text: string });
  assert.match(slack[0]!.text, /^No price is known for anthropic\/claude-mock/);
  assert.ok(
    mails.some((mail) => /^Subject: \[tokligence\] budget stopped: model:gpt-mock$/m.test(mail) && /used up/.test(mail)),
    String(mails[0]),
  );
  // Secrets of the configuration are shown to nobody.
  const shown = JSON.stringify(await admin("GET", "/config"));
  assert.ok(!shown.includes(secret) && !shown.includes("/hook/a"), shown);
});

test("an alert on the budget of a user or a key has the name that people know, and the id beside it", async () => {
  posts.length = 0;
  const { user, key, keyId } = await gateway.createKey("bob");
  await admin("POST", "/budgets", { subject: "bob", period: "month", stop_usd: "100", warn_usd: "1" });
  await admin("POST", "/budgets", { subject: keyId, period: "day", stop_usd: "1" });
  assert.equal(await ask(key, "gpt-mock-2"), 200);
  await gateway.rows();
  await waitUntil("both alerts are sent", () => posts.filter(({ path }) => path === "/hook/a?b=c").length === 2);
  const events = posts
    .filter(({ path }) => path === "/hook/a?b=c")
    .map(({ body }) => JSON.parse(body) as { event: string; subject: string; message: string; details: Record<string, unknown> })
    .toSorted((a, b) => (a.event < b.event ? -1 : 1));
  const label = `${key.slice(0, 8)}…`;
  assert.deepEqual(
    events.map(({ event, subject, message, details }) => [event, subject, message, details["user"] ?? details["key"]]),
    [
      ["budget_stopped", label, `The budget of ${label} (day) is used up: 1 of 1 US dollars. Its requests are refused.`, keyId],
      ["budget_warned", "bob", "The budget of bob (month) has reached its warning: 1 US dollars, warning at 1.", user.id],
    ],
  );
});

test("a test message is sent to every channel", async () => {
  posts.length = 0;
  const { deliveries } = await admin("POST", "/alerts/test");
  assert.deepEqual(
    deliveries,
    ["webhook ops", "webhook chat", "email"].map((channel) => ({ channel, delivered: true, error: null })),
  );
  assert.equal(posts.length, 2);
});
