import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { formatUsd } from "../../src/ledger/index.ts";
import { cases, seen } from "./bill-cases.ts";
import { anthropic, chat, type Wire } from "./bill-wires.ts";
import type { TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

/** A Saturday, when DeepSeek has no peak. */
const saturday = Date.parse("2026-11-28T02:00:00Z");
let nowMs = saturday;
let wire: Wire = chat("", {});
let upstream: Server;
let gateway: TestGateway;
let key: string;

before(async () => {
  upstream = createServer((request, answer) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const isStream = request.url!.includes(":streamGenerateContent") || Buffer.concat(parts).includes('"stream":true');
      if (request.method === "GET") answer.writeHead(404).end();
      else if (isStream) answer.writeHead(200, { "content-type": "text/event-stream", ...wire.headers }).end(wire.events.join(""));
      else answer.writeHead(200, { "content-type": "application/json", ...wire.headers }).end(JSON.stringify(wire.json));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const provider = (name: string, base: string, more = ""): string => `  ${name}: { api_key: k-${name}, base_url: "${url}${base}"${more} }`;
  const providers = [
    provider("openai", "/v1", ", protocols: [openai-responses]"),
    provider("openai-chat-only", "/v1", ", preset: openai, protocols: [openai-chat]"),
    provider("anthropic", ""),
    provider("google", ""),
    provider("deepseek", "/v1", ", protocols: [openai-chat]"),
    provider("groq", "/v1"),
    provider("mistral", "/v1"),
    provider("openrouter", "/v1", ", protocols: [openai-chat]"),
    provider("local", "/v1", ", protocols: [openai-chat]"),
  ];
  gateway = await startGateway({
    config: `providers:\n${providers.join("\n")}\nprices: { own-model: { input: 1, output: 2 } }\n`,
    clock: { now: () => nowMs, monotonic: () => performance.now() },
  });
  key = (await gateway.createKey("payer")).key;
});
after(async () => {
  await gateway.stop();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

const messages = [{ role: "user", content: "hi" }];
/** A request in each dialect. */
const dialects = {
  "openai-chat": (model: string, stream: boolean, more: object) => ["/v1/chat/completions", { model, messages, stream, ...more }],
  "openai-responses": (model: string, stream: boolean, more: object) => ["/v1/responses", { model, input: "hi", stream, ...more }],
  "anthropic-messages": (model: string, stream: boolean, more: object) => [
    "/v1/messages",
    { model, max_tokens: 4096, messages, stream, ...more },
  ],
  "gemini-generate": (model: string, stream: boolean, more: object) => [
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "hi" }] }], ...more },
  ],
} as const;
type Dialect = keyof typeof dialects;

async function ask(dialect: Dialect, model: string, stream: boolean, more: object = {}): Promise<string> {
  const [path, body] = dialects[dialect](model, stream, more);
  const answer = await fetch(`${gateway.url}${path as string}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
}

async function lastRow(): Promise<Record<string, unknown>> {
  await gateway.gateway.ledger.flush();
  const [row] = await gateway.sql("select * from usage_entries order by rowid desc limit 1");
  return row!;
}

for (const { what, provider, model, wire: answer, cost } of cases) {
  test(`${what}: the same cost as JSON and as a stream, in each dialect`, async () => {
    nowMs = saturday;
    wire = answer;
    for (const dialect of Object.keys(dialects) as Dialect[]) {
      for (const stream of [false, true]) {
        await ask(dialect, `${provider}/${model}`, stream);
        const row = await lastRow();
        const nano = row["cost_nano_usd"];
        const lines = JSON.parse((row["cost_lines"] as string | null) ?? "null") as { readonly cost_usd: string }[] | null;
        const told = `${dialect} ${stream ? "stream" : "JSON"}: ${JSON.stringify(row)}`;
        assert.equal(nano === null ? null : formatUsd(BigInt(nano as number)), cost, told);
        if (lines !== null) assert.equal(lines.reduce((sum, line) => sum + Number(line.cost_usd) * 1e9, 0).toFixed(0), String(nano), told);
      }
    }
  });
}

test("the peak hours of a weekday double the price", async () => {
  wire = chat("deepseek-v4-flash", seen);
  nowMs = Date.parse("2026-11-27T02:00:00Z");
  await ask("openai-chat", "deepseek/deepseek-v4-flash", false);
  assert.equal((await lastRow())["cost_nano_usd"], 420_000);
});

test("what the vendor bills reaches the client that asked for it, and a bill of another server does not", async () => {
  for (const stream of [false, true]) {
    wire = chat("new/one", { ...seen, cost: 0.0042 });
    const told = await ask("openai-chat", "openrouter/new/one", stream, {
      usage: { include: true },
      stream_options: { include_usage: true },
    });
    assert.match(told, /"cost":0\.0042[,}]/);
    wire = chat("unheard", { ...seen, cost: 0.0042 });
    const unknown = await ask("openai-chat", "local/unheard", stream, {
      usage: { include: true },
      stream_options: { include_usage: true },
    });
    assert.match(unknown, /"cost":null/);
  }
});

test("a row says how it was served and what was counted, and its lines add up", async () => {
  wire = anthropic("claude-opus-4-8", {
    input_tokens: 1000,
    output_tokens: 100,
    cache_read_input_tokens: 500,
    speed: "fast",
    inference_geo: "us",
    server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
    iterations: [{ type: "compaction", input_tokens: 2000, output_tokens: 300 }],
  });
  await ask("openai-chat", "anthropic/claude-opus-4-8", false);
  const { units, cost_lines: lines, region, service_class: tier, input_tokens: input, output_tokens: output, ...row } = await lastRow();
  assert.deepEqual(
    [JSON.parse(units as string), region, tier, input, output, row["protocol"], row["lane"], row["stop_reason"]],
    [
      { web_search: 2, speed: "fast", iterations: [{ kind: "compaction", input_tokens: 2000, output_tokens: 300 }] },
      "us",
      null,
      3500,
      400,
      "anthropic-messages",
      "translated",
      "end_turn",
    ],
  );
  assert.deepEqual(JSON.parse(lines as string), [
    { what: "input", count: 1000, rate: "11", cost_usd: "0.011" },
    { what: "cache_read", count: 500, rate: "1.1", cost_usd: "0.00055" },
    { what: "output", count: 100, rate: "55", cost_usd: "0.0055" },
    { what: "web_search", count: 2, rate: "0.01", cost_usd: "0.02" },
    { what: "input", of: "compaction", count: 2000, rate: "11", cost_usd: "0.022" },
    { what: "output", of: "compaction", count: 300, rate: "55", cost_usd: "0.0165" },
  ]);
});
