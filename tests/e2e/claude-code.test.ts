import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { startGateway, type TestGateway } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";

/** What Claude Code 2.1.330 sends, on upstreams of other vendors. Its requests are recorded ones, with long texts cut. */
const models = { "openai-chat": "open-chat", "openai-responses": "gpt-5.5", "gemini-generate": "gemini-3-flash" } as const;

let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  mock = await createMockUpstream({ apiKeys: ["sk-code"] });
  const rows = Object.entries(models).map(([protocol, model]) => {
    const base = protocol.startsWith("openai") ? `${mock.url}/v1` : mock.url;
    return `  ${protocol}: { protocols: [${protocol}], api_key: sk-code, base_url: "${base}", models: ["${model}"] }`;
  });
  gateway = await startGateway({ config: `providers:\n${rows.join("\n")}\n` });
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

function recorded(name: string): Record<string, unknown> {
  const file = new URL(`../../src/protocols/anthropic-messages/fixtures/${name}.json`, import.meta.url);
  const { body, ...wire } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  return (body as Record<string, unknown> | undefined) ?? wire;
}

async function ask(body: Record<string, unknown>): Promise<RawReply & { readonly sent: string }> {
  mock.reset();
  mock.enqueue({ text: ["Done."] });
  const headers = ["x-api-key", gateway.adminKey, "anthropic-version", "2023-06-01", "content-type", "application/json"];
  const reply = await sendRaw(gateway.url, { path: "/anthropic/v1/messages?beta=true", headers, body: JSON.stringify(body) });
  return { ...reply, sent: mock.requests.map(({ body: bytes }) => bytes.toString()).find((text) => text !== "") ?? "" };
}

for (const [protocol, model] of Object.entries(models)) {
  for (const name of ["claude-code-first", "claude-code-images"]) {
    for (const stream of [true, false]) {
      test(`${name} on ${protocol}, ${stream ? "streamed" : "asked again without a stream"}: answered, and nothing of Anthropic's own goes along`, async () => {
        const { status, sent, body } = await ask({ ...recorded(name), model, stream });
        assert.deepEqual([status, body.includes("Done.")], [200, true]);
        for (const own of [
          "billing-header",
          "defer_loading",
          "tool_reference",
          "context_management",
          "cache_control",
          "device_id",
          "ANTSIG",
        ])
          assert.equal(sent.includes(own), false, own);
        if (name === "claude-code-first") assert.match(sent, /Claude agent.*# Environment/s);
        else assert.match(sent, /Tool \w+ loaded\./);
      });
    }
  }
}

test("a 400 of the upstream keeps its words, for Claude Code to act on", async () => {
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "thinking is not supported on this model ✓" } } });
  const headers = ["x-api-key", gateway.adminKey, "anthropic-version", "2023-06-01", "content-type", "application/json"];
  const body = JSON.stringify({ ...recorded("claude-code-first"), model: models["openai-chat"] });
  const reply = await sendRaw(gateway.url, { path: "/anthropic/v1/messages?beta=true", headers, body });
  assert.equal(reply.status, 400);
  const { type, error } = JSON.parse(reply.body.toString()) as { type: string; error: { type: string; message: string } };
  assert.deepEqual([type, error.type], ["error", "invalid_request_error"]);
  assert.ok(error.message.includes("thinking is not supported on this model ✓"), error.message);
});

test("a message thread is refused in the words that the SDK goes on by without one", async () => {
  const client = new Anthropic({ apiKey: gateway.adminKey, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
  const body = { model: models["openai-chat"], max_tokens: 10, messages: [{ role: "user", content: "hi" }], thread: { type: "create" } };
  await assert.rejects(client.post("/v1/messages", { body }), (error) => {
    assert.ok(error instanceof Anthropic.APIError);
    const { details } = (error.error as { error: { details: unknown } }).error;
    assert.deepEqual([error.status, details], [400, { error_code: "thread_unsupported_request" }]);
    return true;
  });
});
