import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { canaryPrompts } from "../../src/canaries/prompts.ts";
import type { UsageRow } from "../../src/ledger/index.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type TestGateway } from "./harness.ts";

const dayMs = 86_400_000;
const everyMs = 900_000;
let nowMs = Date.parse("2026-11-02T00:00:30Z");
let isSwapped = false;
let upstream: Server;
let gateway: TestGateway;
const bodies: { readonly path: string; readonly body: Record<string, unknown> }[] = [];

/** The answers of a model that knows every second prompt; swapped, it knows the others. */
function answerOf(text: string): { readonly text?: string; readonly call?: { readonly name: string; readonly arguments: string } } {
  const at = canaryPrompts.findIndex((prompt) => prompt.text === text);
  const { kind } = canaryPrompts[at]!;
  if (kind === "open") return { text: isSwapped ? "teal" : "blue" };
  if ((at % 2 === 0) === isSwapped) return { text: "I do not know." };
  if (kind === "tool") return { call: { name: "set_timer", arguments: '{"minutes":12,"label":"tea"}' } };
  return { text: "4042" };
}

function chatAnswer(text: string, hasProbabilities: boolean): object {
  const { text: content = null, call } = answerOf(text);
  const calls = call === undefined ? {} : { tool_calls: [{ id: "call_1", type: "function", function: call }] };
  const top = [
    { token: "blue", logprob: isSwapped ? -2 : -0.1 },
    { token: "teal", logprob: isSwapped ? -0.2 : -3 },
  ];
  return {
    id: "c1",
    object: "chat.completion",
    created: 1,
    model: "gpt-4.1",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, ...calls },
        finish_reason: call === undefined ? "stop" : "tool_calls",
        logprobs: hasProbabilities ? { content: [{ token: "blue", logprob: -0.1, top_logprobs: top }] } : null,
      },
    ],
    usage: { prompt_tokens: 30, completion_tokens: 3 },
  };
}

before(async () => {
  upstream = createServer((request, answer) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.method === "GET") return void answer.writeHead(404).end();
      const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
      bodies.push({ path: request.url!, body });
      const send = (value: object): void => void answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
      const [message] = body["messages"] as readonly { readonly content: string }[];
      return send(chatAnswer(message!.content, body["logprobs"] === true));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await startGateway({
    config: `providers:
  openai: { api_key: k-openai, base_url: "${url}/v1", protocols: [openai-chat], models: [gpt-4.1] }
model_aliases: { fast: openai/gpt-4.1 }
canaries: { models: [fast], every: 15m, budget: "0.5" }
response_cache: { enabled: true }
`,
    clock: { now: () => nowMs, monotonic: () => nowMs },
    logLevel: "warn",
  });
});
after(async () => {
  await gateway.stop();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

async function askFor(ms: number): Promise<void> {
  for (const endMs = nowMs + ms; nowMs < endMs; nowMs += everyMs) await gateway.gateway.askCanaries();
}

test("a model that is swapped at its provider is found by its answers, and the questions are paid by a user of their own", async () => {
  // All but the last hours are counted already.
  const countedMs = Math.floor((nowMs + dayMs) / 3_600_000) * 3_600_000;
  await gateway.sql(
    "insert into performance_hours (start_ms, provider, model, region, counts) values (?, '', '', '', '{}')",
    String(countedMs),
  );
  const cycleMs = canaryPrompts.length * everyMs;
  await askFor(cycleMs);
  // The days before were like this one: as often as it takes for a time to compare with.
  for (let cycle = 1; cycle <= 7; cycle++)
    await gateway.sql(
      `insert into canary_answers select request_id || '-${cycle}', time_ms - ${cycle * cycleMs}, provider, model, region, prompt, is_right, answer, probabilities
       from canary_answers where request_id not like '%-_'`,
    );
  isSwapped = true;
  const swappedMs = nowMs;
  await askFor((22 / 24) * dayMs);
  nowMs = Math.ceil(nowMs / 3_600_000) * 3_600_000 + 700_000;
  await gateway.gateway.lookAtModels();
  const { data } = await callAdmin(gateway, "performance.list");
  const model = data.find(({ provider }) => provider === "openai")!;
  assert.deepEqual([model.model, model.now.attempts], ["gpt-4.1", 0]);
  const change = model.changes.find(({ measure }) => measure === "canary_answers")!;
  assert.ok(change.after > 0.5 && change.before < 0.1, JSON.stringify(change));
  assert.ok(Math.abs(Date.parse(change.since) - swappedMs) <= dayMs / 2, change.since);
  assert.match(change.message, /^openai\/gpt-4\.1 changed: answers to canaries that differ from before \d+\.\d % instead of /);
  assert.match(await gateway.logText(), /answers to canaries that differ from before/);

  const rows = await gateway.rows();
  const [user] = (await gateway.sql("select id from users where username = 'canaries'")) as [{ readonly id: string }];
  const own: Partial<UsageRow> = {
    user_id: user.id,
    key_id: "",
    provider: "openai",
    model_asked: "gpt-4.1",
    status: "ok",
    lane: null,
    from_cache: null,
  };
  for (const row of rows) assert.deepEqual(pick(row, own), own);
  assert.ok(rows.every(({ tags }) => tags?.includes("canary") === true));
  const [budget] = await gateway.sql("select subject_id, period, stop_nano_usd from budgets");
  assert.deepEqual({ ...budget }, { subject_id: user.id, period: "day", stop_nano_usd: 500_000_000 });
  assert.ok(bodies.every(({ body }) => body["stream"] === undefined && body["temperature"] === undefined && body["model"] === "gpt-4.1"));
});

test("when the user of the canaries is erased, the one that is made in its place has the budget of the configuration", async () => {
  await callAdmin(gateway, "users.erase", { param: "canaries" });
  await askFor(everyMs);
  const [user] = (await gateway.sql("select id from users where username = 'canaries'")) as [{ readonly id: string }];
  const budgets = await gateway.sql("select period, stop_nano_usd from budgets where subject_id = ?", user.id);
  assert.deepEqual(
    budgets.map((budget) => ({ ...budget })),
    [{ period: "day", stop_nano_usd: 500_000_000 }],
  );
});

function pick(row: UsageRow, like: Partial<UsageRow>): Partial<UsageRow> {
  return Object.fromEntries(Object.keys(like).map((key) => [key, row[key as keyof UsageRow]]));
}
