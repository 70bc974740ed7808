import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import * as fc from "fast-check";
import type { ApiKey, NewApiKey, Principal } from "../../src/accounts/index.ts";
import { GatewayError, type Clock } from "../../src/core/index.ts";
import type { BudgetState } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** A token of output is 10 cents, the prompt is free: ten tokens are a dollar. */
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "0", output: "100000" }`).join("\n")}
`;

let mock: MockUpstream;
let gateway: TestGateway;
const late = { ms: 0 };
/** Real time, and as much later as a test says. */
const clock: Clock = { now: () => Date.now() + late.ms, monotonic: () => performance.now() };
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url, prices), clock });
  await announcementsOver(mock, Object.keys(providerKeys).length);
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

type Json = Record<string, unknown>;

async function api(key: string, method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }> {
  const reply = await fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, json: (await reply.json()) as Json };
}

async function makeChild(key: string, limits: object = {}): Promise<NewApiKey> {
  const { status, json } = await api(key, "POST", "/me/keys", limits);
  assert.equal(status, 201, JSON.stringify(json));
  return json as unknown as NewApiKey;
}

async function setBudget(body: object): Promise<BudgetState> {
  return (await api(gateway.adminKey, "POST", "/budgets", { period: "total", ...body })).json as unknown as BudgetState;
}

/** A request of each dialect that may cost a dollar for ten tokens. */
const requests = {
  "/v1/chat/completions": { model: "gpt-mock", max_tokens: 10, messages: [{ role: "user", content: "Hello" }] },
  "/v1/responses": { model: "claude-mock", max_output_tokens: 10, input: "Hello", background: true },
  "/anthropic/v1/messages": { model: "gpt-mock", max_tokens: 10, messages: [{ role: "user", content: "Hello" }], stream: true },
  "/v1beta/models/gemini-mock:generateContent": { contents: [{ parts: [{ text: "Hello" }] }], generationConfig: { maxOutputTokens: 10 } },
} as const;

/** The statuses of one request in each dialect. */
async function statusesOf(key: string): Promise<number[]> {
  const replies = Object.entries(requests).map(([path, body]) =>
    fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) }),
  );
  return (await Promise.all(replies)).map((reply) => reply.status);
}

test("a key without money makes a key without money, and that one another, in each dialect, background and stream", async () => {
  const poor = await gateway.createKey();
  await setBudget({ key_id: poor.keyId, stop_usd: "0.000001" });
  const child = await makeChild(poor.key);
  const grandchild = await makeChild(child.key);
  assert.deepStrictEqual([child.parent_id, grandchild.parent_id], [poor.keyId, child.id]);
  for (const key of [poor.key, child.key, grandchild.key]) assert.deepStrictEqual(await statusesOf(key), [402, 402, 402, 402]);
  assert.equal(mock.requests.length, 0);
});

test("what a child spends counts in the budgets of all its ancestors, those that are set later as well", async () => {
  const root = await gateway.createKey();
  const child = await makeChild(root.key);
  const grandchild = await makeChild(child.key);
  await setBudget({ key_id: child.id, stop_usd: "2" });
  const ask = async (key: string): Promise<number> => {
    mock.enqueue({ usage: { input: 5, output: 10 } });
    const body = JSON.stringify(requests["/v1/chat/completions"]);
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body })).status;
  };
  assert.deepStrictEqual([await ask(grandchild.key), await ask(root.key), await ask(child.key)], [200, 200, 200]);
  await gateway.gateway.ledger.flush();
  // A dollar of each; the root's own cost is not part of the child's.
  assert.deepStrictEqual([await ask(grandchild.key), await ask(child.key), await ask(root.key)], [402, 402, 200]);
  await gateway.gateway.ledger.flush();
  const later = await setBudget({ key_id: root.keyId, stop_usd: "10" });
  assert.deepStrictEqual([later.spent_usd, later.held_usd], ["4", "0"]);
  assert.equal((await setBudget({ key_id: grandchild.id, stop_usd: "10" })).spent_usd, "1");
});

test("a revoked key takes all along that were made with it, and nothing else", async () => {
  const root = await gateway.createKey();
  const child = await makeChild(root.key);
  const sibling = await makeChild(root.key);
  const grandchild = await makeChild(child.key);
  assert.equal((await api(root.key, "DELETE", `/me/keys/${child.id}`)).status, 200);
  const statuses: number[] = [];
  for (const key of [root.key, sibling.key, child.key, grandchild.key]) statuses.push((await api(key, "GET", "/me")).status);
  assert.deepStrictEqual(statuses, [200, 200, 401, 401]);
  const listed = (await api(gateway.adminKey, "GET", `/keys?user=${root.user.id}`)).json["data"] as ApiKey[];
  assert.deepStrictEqual(
    listed.map(({ id, parent_id, revoked_at }) => [id, parent_id, revoked_at !== null]),
    [
      [root.keyId, null, false],
      [child.id, root.keyId, true],
      [sibling.id, root.keyId, false],
      [grandchild.id, child.id, true],
    ],
  );
});

test("a chain of keys has an end", async () => {
  let { key } = await gateway.createKey();
  for (let made = 0; made < 8; made++) ({ key } = await makeChild(key));
  assert.equal((await api(key, "GET", "/me")).status, 200);
  assert.equal((await api(key, "POST", "/me/keys", {})).status, 400);
});

/** What a key may do at the moment; `undefined`: nothing. */
async function authorityOf(key: string): Promise<Principal | undefined> {
  try {
    return await gateway.gateway.accounts.authenticate(key);
  } catch (error) {
    assert.ok(error instanceof GatewayError && error.code === "expired_api_key");
    return undefined;
  }
}

const models = ["gpt-mock", "claude-mock", "gemini-mock", "loopback"];

function mayCall({ modelLists = [] }: Principal): string[] {
  return models.filter((model) => modelLists.every((list) => list.match(model) !== undefined));
}

const limits = fc.record({
  models: fc.option(fc.subarray(models, { minLength: 1 }), { nil: undefined }),
  expires: fc.option(fc.constantFrom("1h", "2h", "3h"), { nil: undefined }),
});
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("derive" as const), key: fc.nat(), limits }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("derive" as const), key: fc.nat(), limits: fc.constant({}) }) },
    fc.record({ do: fc.constant("budget" as const), key: fc.nat() }),
    fc.record({ do: fc.constant("revoke" as const), key: fc.nat() }),
    // Somebody's hand on the database: a list of models that comes later, an ancestor whose revocation has reached no other row.
    fc.record({ do: fc.constant("limit by hand" as const), key: fc.nat(), models: fc.subarray(models, { minLength: 1 }) }),
    fc.record({ do: fc.constant("revoke by hand" as const), key: fc.nat() }),
    fc.record({ do: fc.constant("wait" as const), key: fc.nat() }),
  ),
  { minLength: 6, maxLength: 14, size: "max" },
);

test("of keys that are derived at random, revoked, limited and out of time, none is stronger than one that it comes from", async () => {
  let derived = 0;
  const property = fc.asyncProperty(limits, fc.boolean(), steps, async (rootLimits, isAdmin, todo) => {
    const user: Caller["user"] = isAdmin ? gateway.admin.user : (await gateway.createKey()).user;
    const given = Object.fromEntries(Object.entries(rootLimits).filter(([, value]) => value !== undefined));
    const keys: NewApiKey[] = [await gateway.gateway.accounts.createKey({ user: user.id, ...given })];
    for (const step of todo) {
      const { id, key } = keys[step.key % keys.length]!;
      switch (step.do) {
        case "derive": {
          const { status, json } = await api(key, "POST", "/me/keys", step.limits);
          if (status === 201) keys.push(json as unknown as NewApiKey);
          else assert.ok(status === 400 || status === 401);
          break;
        }
        case "budget":
          await setBudget({ key_id: id, stop_usd: "1" });
          break;
        case "revoke":
          await api(gateway.adminKey, "DELETE", `/keys/${id}`);
          break;
        case "wait":
          late.ms += 2_000_000;
          break;
        case "limit by hand":
          await gateway.sql("update api_keys set models = ? where id = ?", JSON.stringify(step.models), id);
          break;
        case "revoke by hand":
          await gateway.sql("update api_keys set revoked_ms = 1 where id = ?", id);
      }
    }
    // Any change has the keys in memory dropped.
    await gateway.gateway.accounts.revokeKey((await gateway.gateway.accounts.createKey({ user: user.id })).id);
    for (const child of keys.slice(1)) {
      derived++;
      const may = await authorityOf(child.key);
      if (may === undefined) continue;
      const parent = keys.find(({ id }) => id === child.parent_id)!;
      const parentMay = await authorityOf(parent.key);
      assert.ok(parentMay !== undefined, "the parent is let in, too");
      assert.ok(may.role === "user" || parentMay.role === "admin");
      assert.deepStrictEqual(
        mayCall(may).filter((model) => !mayCall(parentMay).includes(model)),
        [],
      );
      assert.ok(parent.expires_at === null || child.expires_at! <= parent.expires_at);
      const budgets = (principal: Principal): string[] => (gateway.gateway.budgets.of(principal) ?? []).map(({ id }) => id);
      assert.deepStrictEqual(
        budgets(parentMay).filter((id) => !budgets(may).includes(id)),
        [],
      );
    }
  });
  await fc.assert(property, { numRuns: 40, seed: 11 });
  assert.ok(derived > 60, `${derived} keys were derived`);
});
