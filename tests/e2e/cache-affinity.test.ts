import assert from "node:assert/strict";
import { test } from "node:test";
import { ClaudeCache } from "../testbed/claude-cache.ts";
import type { JsonObject } from "../testbed/json.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { PrefixCache } from "../testbed/prefix-cache.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import { createRandom } from "../testbed/simulated-disk.ts";
import { startGateway } from "./harness.ts";
import { sendRaw } from "./raw-http.ts";

const agents = 3;
const conversations = 12;
const turns = 12;
const words = (seed: string, tokens: number): string => `${seed} `.repeat(Math.ceil((tokens * 4) / (seed.length + 1)));

interface Vendor {
  readonly protocol: string;
  readonly path: string;
  readonly base: string;
  readonly body: (system: string, messages: readonly object[]) => object;
  /** Caches of its accounts, one for each key. */
  readonly createBill: () => (request: RecordedRequest) => object;
}

const nowMs = (): number => performance.now();

function byKey<C>(create: () => C): (request: RecordedRequest) => C {
  const caches = new Map<string, C>();
  return ({ headers }) => {
    const key = String(headers["x-api-key"] ?? headers["authorization"]);
    const known = caches.get(key) ?? create();
    caches.set(key, known);
    return known;
  };
}

const vendors: readonly Vendor[] = [
  {
    protocol: "openai-chat",
    path: "/v1/chat/completions",
    base: "/v1",
    body: (system, messages) => ({ model: "m", messages: [{ role: "system", content: system }, ...messages] }),
    createBill: () => {
      const cacheOf = byKey(() => new PrefixCache(nowMs));
      return (request) => cacheOf(request).bill(JSON.stringify((JSON.parse(request.body.toString()) as { messages: unknown }).messages));
    },
  },
  {
    protocol: "anthropic-messages",
    path: "/v1/messages",
    base: "",
    body: (system, messages) => {
      const mark = { cache_control: { type: "ephemeral" } };
      const marked = messages.map((message, index) =>
        index < messages.length - 1
          ? message
          : { role: "user", content: [{ type: "text", text: (message as { content: string }).content, ...mark }] },
      );
      return { model: "m", max_tokens: 10, system: [{ type: "text", text: system, ...mark }], messages: marked };
    },
    createBill: () => {
      const cacheOf = byKey(() => new ClaudeCache(nowMs, 1024));
      return (request) => cacheOf(request).bill(JSON.parse(request.body.toString()) as JsonObject);
    },
  },
];

/** The share of prompt tokens that the ledger has as read from a cache, of conversations of several agents whose turns come in any order. */
async function hitShare(
  { protocol, path, base, body, createBill }: Vendor,
  keys: readonly string[],
  affinity: "auto" | "off",
): Promise<number> {
  const bill = createBill();
  const mock = await createMockUpstream({
    validate: false,
    choose: (request) => (request.method === "POST" ? { text: ["Well."], usage: { ...bill(request), output: 5 } } : undefined),
  });
  const gateway = await startGateway({
    config: `providers: { p: { protocols: [${protocol}], api_keys: [${keys.join(", ")}], base_url: "${mock.url}${base}", caching: client } }\nmodel_provider_routes: { m: p }\nrouting: { affinity: ${affinity} }\n`,
    logLevel: "error",
  });
  try {
    const { key } = await gateway.createKey("alice");
    const random = createRandom(3);
    const open = Array.from({ length: conversations }, (_, index) => ({
      system: words(`You are agent ${index % agents}.`, 2000),
      messages: [{ role: "user", content: words(`Task ${index}.`, 300) }],
    }));
    while (open.length > 0) {
      const at = Math.floor(random() * open.length);
      const { system, messages } = open[at]!;
      const headers = ["x-api-key", key, "content-type", "application/json"];
      const { status } = await sendRaw(gateway.url, { path, headers, body: JSON.stringify(body(system, messages)) });
      assert.equal(status, 200);
      messages.push({ role: "assistant", content: "Well." }, { role: "user", content: words(`Go on ${messages.length}.`, 100) });
      if (messages.length > 2 * turns) open.splice(at, 1);
    }
    const rows = await gateway.rows();
    assert.equal(rows.length, conversations * turns);
    const sum = (count: (row: (typeof rows)[number]) => number | null): number => rows.reduce((total, row) => total + (count(row) ?? 0), 0);
    return sum((row) => row.cache_read_tokens) / sum((row) => row.input_tokens);
  } finally {
    await gateway.stop();
    await mock.close();
  }
}

for (const vendor of vendors) {
  test(`${vendor.protocol}: with three keys and affinity, at least 95 % as much is read from the provider's cache as with one key`, async (t) => {
    const single = await hitShare(vendor, ["k1"], "auto");
    const three = await hitShare(vendor, ["k1", "k2", "k3"], "auto");
    const scattered = await hitShare(vendor, ["k1", "k2", "k3"], "off");
    const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
    t.diagnostic(`one key ${percent(single)}, three ${percent(three)}, three without affinity ${percent(scattered)}`);
    assert.ok(single > 0.7 && three >= 0.95 * single, `${single} ${three}`);
    assert.ok(scattered < three, `${scattered}`);
  });
}
