import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { BudgetState } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { announcementsOver } from "./both-ways.ts";
import type { TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** A token of output is 10 cents, at Anthropic 20; the prompt is free. */
const more = `
prices:
  gpt-mock: { input: "0", output: "100000" }
  gpt-mock-2: { input: "0", output: "100000" }
  gemini-mock: { input: "0", output: "100000" }
  claude-mock: { input: "0", output: "200000" }
ledger: { output_ceiling: 10 }
models: { smart: { targets: [openai/gpt-mock] }, both: { targets: [openai/gpt-mock, anthropic/claude-mock] } }
fallbacks: { gpt-mock-2: [claude-mock] }
`;

let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const config = withMockUpstream(mock.url, more);
  gateway = await startGateway({ config });
  await announcementsOver(mock, Object.keys(providerKeys).length);
});
beforeEach(async () => {
  mock.reset();
  for (const { id } of await budgets()) await api("DELETE", `/budgets/${id}`);
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

async function api(method: string, path: string, body?: object, key = gateway.adminKey): Promise<Record<string, unknown>> {
  const reply = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json = (await reply.json()) as Record<string, unknown>;
  assert.ok(reply.ok, JSON.stringify(json));
  return json;
}

async function budgets(query = "", key?: string): Promise<readonly BudgetState[]> {
  await gateway.gateway.ledger.flush();
  const path = key === undefined ? `/budgets${query}` : "/me/budgets";
  return (await api("GET", path, undefined, key))["data"] as readonly BudgetState[];
}

const setStop = (subject: string, stop: string): Promise<unknown> => api("POST", "/budgets", { subject, period: "month", stop_usd: stop });

/** Spent and reserved by subject. */
async function sums(): Promise<Record<string, string>> {
  return Object.fromEntries((await budgets()).map(({ subject, spent_usd, held_usd }) => [subject, `${spent_usd} ${held_usd}`]));
}

async function post(key: string, path: string, body: object, headers: Record<string, string> = {}): Promise<number> {
  const reply = await fetch(`${gateway.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  await reply.text();
  return reply.status;
}

/** Requests that budgets have refused, as the metrics count them. */
async function refusals(): Promise<number> {
  const reply = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  return Number(/^tokligence_budget_refused_requests_total (\d+)$/m.exec(await reply.text())?.[1] ?? 0);
}

const messages = [{ role: "user", content: "Hello" }];
const chat = (key: string, model: string, headers?: Record<string, string>, extra: object = {}): Promise<number> =>
  post(key, "/v1/chat/completions", { model, max_tokens: 10, messages, ...extra }, headers);
const costs = (output: number): { usage: { input: number; output: number } } => ({ usage: { input: 5, output } });

test("with failover each provider's budget holds what the request may cost there, and the one that answered is charged", async () => {
  const { key } = await gateway.createKey("falls");
  for (const [subject, stop] of [
    ["falls", "10"],
    ["provider:openai", "1"],
    ["provider:anthropic", "2"],
    ["model:claude-*", "2"],
  ] as const) {
    await setStop(subject, stop);
  }
  const user = (await budgets("?subject=falls"))[0]!.subject;
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => (release = resolve));
  mock.enqueue({ trouble: { kind: "error", error: { status: 500, message: "broken" } } });
  mock.enqueue({ ...costs(5), trouble: { kind: "hang", afterPieces: 0, until } });
  const answered = chat(key, "gpt-mock-2", {}, { stream: true });
  await waitUntil("the second target is asked", () => mock.requests.length === 2);
  assert.deepEqual(await sums(), { [user]: "0 2", "provider:openai": "0 1", "provider:anthropic": "0 2", "model:claude-*": "0 2" });
  // Nothing is left of the provider's budget while the request runs.
  assert.equal(await chat(key, "claude-mock"), 402);
  release();
  assert.equal(await answered, 200);
  assert.deepEqual(await sums(), { [user]: "1 0", "provider:openai": "0 0", "provider:anthropic": "1 0", "model:claude-*": "1 0" });
});

test("a tag's budget counts all users and keys that an admin gave it, and no client can leave it, enter it or exhaust it", async () => {
  const { user: ann, key: annKey } = await gateway.createKey("ann");
  const { key: benKey } = await gateway.createKey("ben");
  const { key: outsider } = await gateway.createKey("outsider");
  await api("PATCH", `/users/${ann.id}`, { tags: ["team:search"] });
  const { key: benTagged } = (await api("POST", "/keys", { user: "ben", tags: ["team:search"] })) as { key: string };
  const { key: benChild } = (await api("POST", "/me/keys", {}, benTagged)) as { key: string };
  await setStop("tag:team:search", "2.5");

  mock.enqueue(costs(10), costs(10), costs(10), costs(10));
  const claims = { "x-tokligence-tags": "team:search" };
  assert.deepEqual(
    [
      await chat(annKey, "gpt-mock", { "x-tokligence-tags": "team:ads" }),
      // Neither is of the team, whatever the client says.
      await chat(outsider, "gpt-mock", claims),
      await chat(benKey, "gpt-mock", claims),
      await chat(benChild, "gpt-mock"),
      // The team has half a dollar left.
      await chat(annKey, "gpt-mock"),
      await chat(benTagged, "gpt-mock"),
      await chat(benChild, "gpt-mock", { "x-tokligence-tags": "team:ads" }),
    ],
    [200, 200, 200, 200, 402, 402, 402],
  );
  assert.deepEqual(await sums(), { "tag:team:search": "2 0" });
  const tags = (await gateway.rows()).slice(-7).map((row) => [row.tags, row.bound_tags]);
  assert.deepEqual(tags, [
    ['["team:search","team:ads"]', 1],
    ['["team:search"]', null],
    ['["team:search"]', null],
    ['["team:search"]', 1],
    ['["team:search"]', 1],
    ['["team:search"]', 1],
    ['["team:search","team:ads"]', 1],
  ]);
  const shown = async (key: string): Promise<string[]> => (await budgets("", key)).map(({ subject }) => subject);
  assert.deepEqual([await shown(annKey), await shown(benTagged), await shown(outsider)], [["tag:team:search"], ["tag:team:search"], []]);
});

test("a target whose budget is used up is passed over if another one may serve the request, and never asked as a fallback", async () => {
  const { key } = await gateway.createKey("elsewhere");
  const asked = (): string[] => mock.requests.map(({ body }) => String((JSON.parse(body.toString()) as { model?: string }).model));
  // The first of two targets, then the only target of a model with a fallback.
  await setStop("provider:openai", "0.5");
  const before = await refusals();
  assert.equal(await chat(key, "both"), 200);
  assert.equal(await chat(key, "gpt-mock-2", {}, { stream: true }), 200);
  assert.deepEqual(asked(), ["claude-mock", "claude-mock"]);
  assert.equal(await refusals(), before);
  // The second: if the first fails, it is not asked.
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "your fault" } } });
  assert.equal(await chat(key, "gemini-mock", {}, { models: ["gpt-mock"] }), 400);
  mock.reset();
  mock.enqueue({ trouble: { kind: "error", error: { status: 401, message: "bad key" } } });
  assert.equal(await chat(key, "gemini-mock", {}, { models: ["gpt-mock"] }), 502);
  assert.equal(mock.requests.length, 1);
  // Nobody is left.
  await setStop("provider:anthropic", "0.5");
  mock.reset();
  for (const model of ["both", "gpt-mock-2"]) assert.equal(await chat(key, model), 402, model);
  assert.equal(mock.requests.length, 0);
  assert.equal(await refusals(), before + 2);
  // A user's own budget is nobody's to pass by.
  await setStop("provider:anthropic", "100");
  await setStop("elsewhere", "1");
  assert.equal(await chat(key, "both"), 402);
});

test("a budget or limit of an alias counts what is asked under that name, whichever target serves it; one of the model behind it counts that, too", async () => {
  const { key } = await gateway.createKey("aliased");
  const subjects = ["model:both", "model:fast", "model:gpt-mock", "model:gpt-mock-2"];
  for (const subject of subjects) await setStop(subject, "100");
  // The month has costs of other tests.
  let last = await sums();
  const spentBy = async (send: () => Promise<void>): Promise<number[]> => {
    await send();
    const now = await sums();
    const spent = subjects.map((subject) => Number.parseFloat(now[subject]!) - Number.parseFloat(last[subject]!));
    last = now;
    return spent;
  };
  const served =
    (model: string, output: number, extra: object = {}) =>
    async (): Promise<void> => {
      mock.enqueue(costs(output));
      assert.equal(await chat(key, model, {}, extra), 200);
    };
  assert.deepEqual(await spentBy(served("both", 10)), [1, 0, 1, 0]);
  assert.deepEqual(await spentBy(served("fast", 5, { stream: true })), [0, 0.5, 0.5, 0]);
  assert.deepEqual(await spentBy(served("gpt-mock", 10)), [0, 0, 1, 0]);
  // The target that is left costs twice as much.
  await setStop("model:gpt-mock", "0.1");
  assert.deepEqual(await spentBy(served("both", 5)), [1, 0, 0, 0]);
  await setStop("model:gpt-mock", "100");
  await setStop("model:both", "2.1");
  assert.deepEqual([await chat(key, "both"), await chat(key, "claude-mock")], [402, 200]);
  // A budget that is made anew begins with what was asked under the name.
  for (const { id, subject } of await budgets()) if (subject === "model:both") await api("DELETE", `/budgets/${id}`);
  await setStop("model:both", "100");
  assert.deepEqual((await sums())["model:both"], last["model:both"]);
  // The name of a model is no alias: what its fallback serves is not counted.
  const failed = { trouble: { kind: "error", error: { status: 500, message: "broken" } } } as const;
  assert.deepEqual(
    await spentBy(async () => {
      mock.enqueue(failed);
      await served("gpt-mock-2", 5)();
    }),
    [0, 0, 0, 0],
  );

  await api("POST", "/limits", { subject: "model:both", requests_per_minute: 1 });
  assert.deepEqual([await chat(key, "both"), await chat(key, "both"), await chat(key, "gpt-mock")], [200, 429, 200]);
  await api("DELETE", "/limits?subject=model:both");
});

test("a model's budget that is used up is passed by in no way: alias, provider, dialect, stream, fallback, background, storage", async () => {
  const { key } = await gateway.createKey("roundabout");
  await setStop("model:gpt-mock", "0.5");
  const spent = await sums();
  const contents = [{ role: "user", parts: [{ text: "Hello" }] }];
  const ways: readonly (readonly [string, object])[] = [
    ...["gpt-mock", "fast", "smart", "openai/gpt-mock"].map((model) => ["/v1/chat/completions", { model, messages }] as const),
    ["/v1/chat/completions", { model: "gpt-mock", messages, stream: true }],
    ["/v1/responses", { model: "gpt-mock", input: "Hello" }],
    ["/v1/responses", { model: "gpt-mock", input: "Hello", background: true }],
    ["/v1/responses", { model: "smart", input: "Hello", store: true }],
    ["/v1/messages", { model: "gpt-mock", max_tokens: 10, messages }],
    ["/v1beta/models/gpt-mock:generateContent", { contents }],
    ["/v1beta/models/fast:streamGenerateContent?alt=sse", { contents }],
  ];
  for (const [path, body] of ways) {
    const bounded = path.startsWith("/v1beta") ? { generationConfig: { maxOutputTokens: 10 } } : {};
    const limit = path.startsWith("/v1/responses") ? { max_output_tokens: 10 } : { max_tokens: 10 };
    assert.equal(await post(key, path, { ...(path.startsWith("/v1beta") ? bounded : limit), ...body }), 402, JSON.stringify([path, body]));
  }
  assert.equal(mock.requests.length, 0);
  assert.deepEqual(await sums(), spent);
  mock.enqueue(costs(1));
  assert.equal(await chat(key, "gemini-mock"), 200);
});
