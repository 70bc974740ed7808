import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import { createDeafListener } from "../testbed/deaf-listener.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { testCertificate } from "../testbed/test-certificate.ts";
import type { Dialect } from "./dialects.ts";
import { dialects } from "./dialects.ts";
import { ask } from "./observe.ts";

const providerOf: Readonly<Record<Dialect["id"], keyof typeof providerKeys>> = {
  "openai-chat": "openai",
  "openai-responses": "openai",
  "anthropic-messages": "anthropic",
  "gemini-generate": "google",
};

/** All that would end the wait but the connection's own limit is far away. */
const withTimeouts = (config: string, connect: string): string =>
  config.replace("{ work_mode: auto }", `{ timeouts: { connect: ${connect}, first_byte: 60s, idle: 60s, total: 60s, stream_total: 60s } }`);

/** Every dialect, JSON and stream, gets a 502 with this message in its own shape; the ledger has an entry without cost; no key is in either, or in the log. */
async function isUnreachable(url: string, connect: string, message: (provider: string) => RegExp): Promise<void> {
  const gateway = await startGateway({ config: withTimeouts(withMockUpstream(url), connect) });
  try {
    const { key } = await gateway.createKey("alice");
    for (const dialect of dialects) {
      for (const stream of [false, true]) {
        const seen = await ask(gateway, key, dialect, stream);
        assert.deepEqual([seen.status, seen.how, seen.error?.code], [502, "error", "upstream_unreachable"]);
        assert.match(seen.error!.message, message(providerOf[dialect.id]));
        const rows = (await gateway.rows()).filter(({ request_id: id }) => id === seen.requestId);
        assert.deepEqual(
          rows.map((row) => [
            row.attempt,
            row.provider,
            row.status,
            row.http_status,
            row.error_code,
            row.usage_source,
            Number(row.cost_nano_usd),
          ]),
          [[1, providerOf[dialect.id], "error", 502, "upstream_unreachable", "none", 0]],
        );
      }
    }
    const texts = [await gateway.logText(), JSON.stringify(await gateway.rows())];
    for (const secret of Object.values(providerKeys)) for (const text of texts) assert.ok(!text.includes(secret));
  } finally {
    await gateway.stop();
  }
}

test("a provider whose name does not resolve: a 502 that says so", async () => {
  // A resolver that is slow to say no is waited for like a connection.
  await isUnreachable(
    "http://provider.invalid",
    "2s",
    (name) =>
      new RegExp(
        `^Provider ${name} \\(provider\\.invalid:80\\) (could not be found: the name does not resolve \\(E[A-Z_]+\\)|did not accept a connection in 2000 ms)\\. Check`,
      ),
  );
});

test("a provider with an untrusted certificate is a 502, and not a byte of the request is sent", async () => {
  let requests = 0;
  const server = createTlsServer(testCertificate, () => (requests += 1)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    await isUnreachable(
      `https://127.0.0.1:${port}`,
      "30s",
      (name) =>
        new RegExp(
          `^Provider ${name} \\(127\\.0\\.0\\.1:${port}\\) has a certificate that was not accepted \\(DEPTH_ZERO_SELF_SIGNED_CERT\\)\\.`,
        ),
    );
    assert.equal(requests, 0);
  } finally {
    server.close();
  }
});

const noDeafness = process.platform === "linux" ? false : "where the queue is full, this system answers";

test("a provider that swallows the connection: a 502 when the time for it is over", { skip: noDeafness }, async () => {
  const deaf = await createDeafListener();
  try {
    await isUnreachable(
      `http://127.0.0.1:${deaf.port}`,
      "50ms",
      (name) => new RegExp(`^Provider ${name} \\(127\\.0\\.0\\.1:${deaf.port}\\) did not accept a connection in 50 ms\\.`),
    );
  } finally {
    await deaf.close();
  }
});

test(
  "a provider that swallows the connection, or whose name does not resolve, is left for the next one",
  { skip: noDeafness },
  async () => {
    const deaf = await createDeafListener();
    const server = await createFaultServer();
    const gateway = await startGateway({
      config: withTimeouts(
        `
gateway: { work_mode: auto }
providers:
  deaf: { protocols: [openai-chat], base_url: "http://127.0.0.1:${deaf.port}/v1", api_key: k, timeouts: { connect: 50ms } }
  lost: { protocols: [openai-chat], base_url: "http://provider.invalid/v1", api_key: k, timeouts: { connect: 2s } }
  alive: { protocols: [openai-chat], base_url: "${server.url}/v1", api_key: k }
model_provider_routes: { "both-*": [deaf, alive], "lost-*": [lost, alive] }
`,
        "30s",
      ),
    });
    try {
      const { key } = await gateway.createKey();
      server.use("healthy");
      const [chat] = dialects;
      const found = await ask(gateway, key, chat!, true, "hi", "lost-m");
      assert.deepEqual([found.how, found.headers["x-tokligence-attempt-errors"]], ["whole", "unreachable lost/lost-m"]);
      for (const dialect of dialects) {
        for (const stream of [false, true]) {
          // A model for each request: one that has failed often is left alone.
          const seen = await ask(gateway, key, dialect, stream, "hi", `both-${dialect.id}-${stream}`);
          assert.deepEqual(
            [seen.how, seen.headers["x-tokligence-provider"], seen.headers["x-tokligence-attempts"]],
            ["whole", "alive", "2"],
          );
          const rows = (await gateway.rows()).filter(({ request_id: id }) => id === seen.requestId);
          assert.deepEqual(
            rows.map(({ attempt, provider, status }) => [attempt, provider, status]),
            [
              [1, "deaf", "error"],
              [2, "alive", "ok"],
            ],
          );
        }
      }
    } finally {
      await gateway.stop();
      await server.close();
      await deaf.close();
    }
  },
);
