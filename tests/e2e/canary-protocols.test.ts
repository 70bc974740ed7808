import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { canaryPrompts } from "../../src/canaries/prompts.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type TestGateway } from "./harness.ts";

const everyMs = 10_000;
let nowMs = Date.parse("2026-11-02T00:00:30Z");
let upstream: Server;
let gateway: TestGateway;
let refusesProbabilities = false;
const asked: { readonly path: string; readonly body: Record<string, unknown> }[] = [];

const answers: Readonly<Record<string, object>> = {
  "/v1/messages": {
    id: "m1",
    type: "message",
    role: "assistant",
    model: "claude-haiku-4-5",
    content: [{ type: "text", text: "4042" }],
    stop_reason: "end_turn",
    usage: { input_tokens: 30, output_tokens: 3 },
  },
  "/v1/responses": {
    id: "resp_1",
    object: "response",
    created_at: 1,
    status: "completed",
    model: "gpt-4.1",
    output: [
      {
        type: "message",
        id: "msg_1",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "4,042", annotations: [] }],
      },
    ],
    usage: { input_tokens: 30, output_tokens: 3, total_tokens: 33 },
  },
  "/v1beta/models/gemini-2.5-flash:generateContent": {
    candidates: [
      {
        content: { role: "model", parts: [{ text: "4042" }] },
        finishReason: "STOP",
        logprobsResult: { topCandidates: [{ candidates: [{ token: "Blue", logProbability: -0.5 }] }] },
      },
    ],
    usageMetadata: { promptTokenCount: 30, candidatesTokenCount: 3, totalTokenCount: 33 },
    modelVersion: "gemini-2.5-flash",
  },
};

before(async () => {
  upstream = createServer((request, answer) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.method === "GET") return void answer.writeHead(404).end();
      const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
      asked.push({ path: request.url!, body });
      const isRefused = refusesProbabilities && JSON.stringify(body).includes("responseLogprobs");
      const error = { error: { code: 400, message: "Logprobs is not enabled", status: "INVALID_ARGUMENT" } };
      answer.writeHead(isRefused ? 400 : 200, { "content-type": "application/json" });
      answer.end(JSON.stringify(isRefused ? error : answers[request.url!]));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await startGateway({
    config: `providers:
  openai: { api_key: k-openai, base_url: "${url}/v1", protocols: [openai-responses] }
  anthropic: { api_key: k-anthropic, base_url: "${url}" }
  google: { api_key: k-google, base_url: "${url}" }
gateway: { work_mode: translation }
fallbacks: { "*": [openai/gpt-4.1-mini] }
canaries: { models: [openai/gpt-4.1, claude-haiku-4-5, gemini-2.5-flash, loopback, no-such-model], every: 10s }
`,
    clock: { now: () => nowMs, monotonic: () => nowMs },
  });
});
after(async () => {
  await gateway.stop();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

let seen = 0;
/** What was asked since the last turn. The gateway's own timer may have been faster. */
async function turn(): Promise<readonly (typeof asked)[number][]> {
  await gateway.gateway.askCanaries();
  const found = asked.slice(seen);
  seen = asked.length;
  nowMs += everyMs;
  return found;
}

test("each provider is asked in its own protocol, as little as possible is reasoned, and nothing is stored there", async () => {
  const found = await turn();
  assert.deepEqual(found.map(({ path }) => path).toSorted(), Object.keys(answers).toSorted());
  const bodyOf = (path: string): Record<string, unknown> => found.find((each) => each.path === path)!.body;
  assert.equal(bodyOf("/v1/responses")["store"], false);
  assert.deepEqual([bodyOf("/v1/messages")["max_tokens"], bodyOf("/v1/messages")["model"]], [1024, "claude-haiku-4-5"]);
  const rows = await gateway.sql("select provider, model, prompt, is_right, answer from canary_answers order by provider");
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    ["anthropic", "google", "openai"].map((provider, at) => ({
      provider,
      model: ["claude-haiku-4-5", "gemini-2.5-flash", "gpt-4.1"][at],
      prompt: canaryPrompts[0]!.id,
      is_right: 1,
      answer: "(right)",
    })),
  );
  assert.equal((await gateway.rows()).filter(({ status }) => status === "ok").length, 3);
});

test("probabilities are asked for where a prompt has no right answer, and no more by a model that has refused them", async () => {
  const gemini = async (): Promise<string> =>
    JSON.stringify((await turn()).filter(({ path }) => path.includes("gemini")).map(({ body }) => body));
  const isOpen = canaryPrompts.map(({ kind }) => kind === "open");
  // The first turn is over.
  let next = 1;
  for (; !isOpen[next]; next++) assert.doesNotMatch(await gemini(), /responseLogprobs/);
  assert.match(await gemini(), /"responseLogprobs":true,"logprobs":5/);
  const [row] = await gateway.sql("select probabilities from canary_answers where probabilities is not null");
  assert.deepEqual(JSON.parse(String(row?.["probabilities"])), { Blue: Math.exp(-0.5) });
  refusesProbabilities = true;
  for (next += 1; !isOpen[next]; next++) await gemini();
  assert.match(await gemini(), /responseLogprobs/);
  for (next += 1; !isOpen[next]; next++) await gemini();
  assert.doesNotMatch(await gemini(), /responseLogprobs/);
});

test("a used-up budget pauses the questions for an hour, and a disabled user stops them", async () => {
  const user = String((await gateway.sql("select id from users where username = 'canaries'"))[0]!["id"]);
  await callAdmin(gateway, "budgets.set", { body: { user, period: "day", stop_usd: "0.000001" } });
  await turn();
  assert.match(await gateway.logText(), /the budget of the canaries is used up/);
  assert.deepEqual(await turn(), []);
  await callAdmin(gateway, "budgets.set", { body: { user, period: "day", stop_usd: "5" } });
  nowMs += 3_600_000;
  assert.equal((await turn()).length, 3);
  await gateway.gateway.accounts.disableUser(user);
  assert.deepEqual(await turn(), []);
});
