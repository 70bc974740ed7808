import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadSettings } from "../../src/app/config/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { codeOf } from "./error-code.ts";
import { announcementsOver, requestsOfCallers } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import type { RawReply } from "./raw-http.ts";
import { sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let alice: Caller;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  alice = await gateway.createKey("alice");
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** One call for each dialect, with a model as that dialect names it. */
const generate = {
  "openai-chat": (model: string) => ["/v1/chat/completions", `{"model":"${model}","messages":[{"role":"user","content":"hi"}]}`],
  "openai-responses": (model: string) => ["/v1/responses", `{"model":"${model}","input":"hi"}`],
  "anthropic-messages": (model: string) => [
    "/v1/messages",
    `{"model":"${model}","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`,
  ],
  "gemini-generate": (model: string) => [
    `/v1beta/models/${model}:generateContent`,
    '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}',
  ],
} as const satisfies Record<string, (model: string) => readonly [string, string]>;
/** Who speaks what. */
const speaks: Readonly<Record<string, readonly string[]>> = {
  "gpt-mock": ["openai-chat", "openai-responses"],
  "claude-mock": ["anthropic-messages"],
  "gemini-mock": ["gemini-generate"],
  "org/local-model": ["openai-chat"],
  loopback: Object.keys(generate),
};

async function walkPairs(
  target: TestGateway,
  key: string,
  check: (dialect: string, model: string, reply: RawReply) => void,
): Promise<void> {
  for (const [dialect, make] of Object.entries(generate)) {
    for (const model of Object.keys(speaks)) {
      const [path, body] = make(model);
      check(dialect, model, await sendRaw(target.url, { path, headers: ["x-api-key", key, "content-type", "application/json"], body }));
    }
  }
}

test("a model whose provider speaks another protocol is answered in the client's dialect all the same", async () => {
  mock.reset();
  let calls = 0;
  await walkPairs(gateway, alice.key, (dialect, model, reply) => {
    assert.equal(reply.status, 200, `${dialect} ${model}: ${reply.body.toString()}`);
    if (model !== "loopback") calls += 1;
  });
  assert.equal(requestsOfCallers(mock).length, calls);
});

test("a stored response whose provider speaks Responses no more is a 400 that names the provider that stores it, and reaches no provider", async () => {
  mock.reset();
  const other = await startGateway({ config: withMockUpstream(mock.url) });
  const folder = await mkdtemp(join(tmpdir(), "tokligence-reload-"));
  try {
    await announcementsOver(mock, Object.keys(providerKeys).length);
    const { key } = await other.createKey("alice");
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
    const made = await sendRaw(other.url, { path: "/v1/responses", headers, body: JSON.stringify({ model: "gpt-mock", input: "hi" }) });
    const { id } = JSON.parse(made.body.toString()) as { id: string };
    const path = join(folder, "config.yaml");
    await writeFile(path, withMockUpstream(mock.url).replace("openai: { ", "openai: { protocols: [openai-chat], "));
    other.gateway.apply(loadSettings({ path, env: { HOME: folder } }));
    mock.reset();
    const reply = await sendRaw(other.url, { method: "GET", path: `/v1/responses/${id}`, headers });
    assert.deepEqual([reply.status, codeOf(reply, "openai-responses")], [400, "invalid_request"]);
    assert.match(reply.body.toString(), /is kept by the provider \\"openai\\", which does not serve/);
    assert.equal(requestsOfCallers(mock).length, 0);
    const row = (await other.rows()).at(-1);
    assert.deepEqual([row?.status, row?.http_status, row?.attempt, row?.cost_nano_usd], ["refused", 400, 0, 0]);
  } finally {
    await other.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

for (const mode of ["passthrough", "translation"] as const) {
  test(`work_mode ${mode} refuses what is not its own with a 400 that says so`, async () => {
    mock.reset();
    const other = await startGateway({ config: withMockUpstream(mock.url), env: { TOKLIGENCE_GATEWAY_WORK_MODE: mode } });
    try {
      await announcementsOver(mock, Object.keys(providerKeys).length);
      const { key } = await other.createKey("alice");
      let calls = 0;
      await walkPairs(other, key, (dialect, model, reply) => {
        if (reply.status === 200 && model !== "loopback") calls += 1;
        const same = speaks[model]?.includes(dialect) === true;
        const where = `${dialect} ${model}`;
        // The built-in model answers in every mode.
        if (model === "loopback" || (mode === "passthrough" && same)) {
          assert.equal(reply.status, 200, where);
        } else if (mode === "translation" && !same) {
          assert.equal(reply.status, 200, where);
        } else {
          assert.deepEqual([reply.status, codeOf(reply, dialect)], [400, "work_mode_refused"], where);
          assert.match(reply.body.toString(), new RegExp(`work_mode is ${mode}`));
        }
      });
      assert.equal(requestsOfCallers(mock).length, calls);
    } finally {
      await other.stop();
    }
  });
}
