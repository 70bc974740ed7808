import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { BudgetState } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** A token of output costs 10 cents and the prompt nothing: ten tokens cost a dollar. */
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "0", output: "100000" }`).join("\n")}
ledger: { output_ceiling: 100 }
`;

let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  mock = await createMockUpstream({
    apiKeys: Object.values(providerKeys),
    validate: false,
    choose: ({ body }) => spendAll(body.toString()),
  });
  gateway = await startGateway({ config: withMockUpstream(mock.url, prices) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

type Json = Record<string, unknown>;

async function callerWith(username: string, stopUsd: string): Promise<Caller> {
  const caller = await gateway.createKey(username);
  const reply = await fetch(`${gateway.url}/api/v1/budgets`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    body: JSON.stringify({ user: username, period: "month", stop_usd: stopUsd }),
  });
  assert.equal(reply.status, 200);
  return caller;
}

async function budgetOf({ user }: Caller): Promise<Pick<BudgetState, "spent_usd" | "held_usd" | "left_usd">> {
  await gateway.gateway.ledger.flush();
  const reply = await fetch(`${gateway.url}/api/v1/budgets?user=${user.username}`, {
    headers: { authorization: `Bearer ${gateway.adminKey}` },
  });
  const { spent_usd, held_usd, left_usd } = ((await reply.json()) as { data: BudgetState[] }).data[0]!;
  return { spent_usd, held_usd, left_usd };
}

const costs = (output: number): { usage: { input: number; output: number } } => ({ usage: { input: 5, output } });

/** To requests with this word a provider answers with as many tokens as the largest bound that it finds allows. */
const spend = "Spend";

function spendAll(body: string): ReturnType<typeof costs> | undefined {
  if (!body.includes(spend)) return undefined;
  const bounds = [...body.matchAll(/"(?:max_\w*tokens|maxOutputTokens)":(\d+)/g)].map(([, bound]) => Number(bound));
  return costs(Math.max(...bounds, 0) || 100);
}

/** A request of each dialect. */
const dialects = {
  chat: { path: () => "/v1/chat/completions", body: { messages: [{ role: "user", content: "Hello" }] } },
  responses: { path: () => "/v1/responses", body: { input: "Hello" } },
  messages: { path: () => "/anthropic/v1/messages", body: { messages: [{ role: "user", content: "Hello" }] } },
  gemini: {
    path: (model: string) => `/v1beta/models/${model}:generateContent`,
    body: { contents: [{ role: "user", parts: [{ text: "Hello" }] }] },
  },
} as const;
type Dialect = keyof typeof dialects;

function ask({ key }: Caller, dialect: Dialect, model: string, fields: Json = {}): Promise<Response> {
  const { path, body } = dialects[dialect];
  return fetch(gateway.url + path(model), {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ ...(dialect === "gemini" ? {} : { model }), ...body, ...fields }),
  });
}

test("two bounds on output that differ hold the larger, in each dialect and for each provider, and are no error", async () => {
  const mallory = await callerWith("two-bounds", "6");
  const pairs: readonly (readonly [Dialect, Json, Json])[] = [
    ["chat", { max_completion_tokens: 1, max_tokens: 100_000 }, { max_completion_tokens: 1, max_tokens: 2 }],
    ["chat", { max_completion_tokens: 0, max_tokens: 100_000 }, { max_completion_tokens: 1, max_tokens: 0 }],
    ["chat", { max_tokens: 1, n: 1, best_of: 1000 }, { max_tokens: 1, n: 1, best_of: 2 }],
    ["responses", { max_output_tokens: 20, max_tokens: 100_000 }, { max_output_tokens: 20, max_tokens: 1 }],
    ["messages", { max_tokens: 1, max_completion_tokens: 100_000 }, { max_tokens: 1, max_output_tokens: 2 }],
    [
      "gemini",
      { generationConfig: { maxOutputTokens: 1, max_output_tokens: 100_000 } },
      { generationConfig: { maxOutputTokens: 1 }, generation_config: { max_output_tokens: 2 } },
    ],
    [
      "gemini",
      { generationConfig: { maxOutputTokens: 1, candidateCount: 1, candidate_count: 1000 } },
      { generationConfig: { maxOutputTokens: 1, candidateCount: 1 } },
    ],
  ];
  for (const [dialect, large, small] of pairs) {
    for (const model of ["gpt-mock", "claude-mock", "gemini-mock"]) {
      const refused = await ask(mallory, dialect, model, large);
      assert.equal(refused.status, 402, `${dialect}, ${model}, ${JSON.stringify(large)}: ${await refused.text()}`);
      assert.equal(mock.requests.length, 0);
      mock.enqueue(costs(1));
      const served = await ask(mallory, dialect, model, small);
      assert.equal(served.status, 200, `${dialect}, ${model}, ${JSON.stringify(small)}: ${await served.text()}`);
      await gateway.gateway.ledger.flush();
      mock.reset();
    }
  }
});

test("of 60 such requests at once none is served beyond the budget", async () => {
  const mallory = await callerWith("sixty", "6");
  mock.enqueue(...Array.from({ length: 60 }, () => costs(20)));
  const replies = await Promise.all(
    Array.from({ length: 60 }, () => ask(mallory, "chat", "gpt-mock", { max_completion_tokens: 1, max_tokens: 20 })),
  );
  const served = replies.filter((reply) => reply.status === 200).length;
  assert.deepEqual({ served, sent: mock.requests.length }, { served: 3, sent: 3 });
  assert.ok(Number((await budgetOf(mallory)).spent_usd) <= 6);
});

test("sequential requests that cost more than they were held for are stopped by the first that passes the stop, before any row is written", async () => {
  const wordy = await callerWith("sequential", "10");
  mock.enqueue(...Array.from({ length: 10 }, () => costs(45)));
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) {
    const reply = await ask(wordy, "chat", "gpt-mock", { max_tokens: 11, stream: i % 2 === 1 });
    await reply.text();
    statuses.push(reply.status);
  }
  assert.deepEqual(statuses, [200, 200, 402, 402, 402, 402, 402, 402, 402, 402]);
  assert.deepEqual(await budgetOf(wordy), { spent_usd: "9", held_usd: "0", left_usd: "1" });
});

test("sequential requests that cost less than they were held for get their room back before their rows are written", async () => {
  const brief = await callerWith("brief", "10");
  mock.enqueue(...Array.from({ length: 20 }, () => costs(1)));
  for (let i = 0; i < 20; i++) {
    const reply = await ask(brief, "chat", "gpt-mock", { max_tokens: 75, stream: i % 2 === 1 });
    assert.equal(reply.status, 200, await reply.text());
  }
  assert.deepEqual(await budgetOf(brief), { spent_usd: "2", held_usd: "0", left_usd: "8" });
});

/** Where a request that went to a provider has its bound. */
function boundOf(body: unknown): unknown {
  const { max_tokens, max_completion_tokens, max_output_tokens, generationConfig } = body as Record<string, Json | undefined>;
  return max_tokens ?? max_completion_tokens ?? max_output_tokens ?? generationConfig?.["maxOutputTokens"];
}

test("a budget with room for less than the usual bound admits a request that names none, with its rest as the bound, in each lane", async () => {
  // Ten cents a token: room for 25 tokens, where 100 are counted.
  const frugal = await callerWith("rest", "2.55");
  for (const dialect of Object.keys(dialects) as Dialect[]) {
    for (const model of ["gpt-mock", "claude-mock", "gemini-mock"]) {
      for (const fields of [{}, dialect === "gemini" ? { generationConfig: { maxOutputTokens: null, topK: 3 } } : { max_tokens: null }]) {
        mock.enqueue(costs(0));
        const reply = await ask(frugal, dialect, model, fields);
        const text = await reply.text();
        assert.deepEqual(
          {
            status: reply.status,
            bound: boundOf(JSON.parse(mock.requests.at(-1)?.body.toString() ?? "{}")),
            header: reply.headers.get("x-tokligence-output-limit"),
          },
          { status: 200, bound: 25, header: "25" },
          `${dialect}, ${model}, ${JSON.stringify(fields)}: ${text}`,
        );
      }
    }
  }
});

test("a request that has no room is refused with the number that was counted, its setting, and the number that there is room for", async () => {
  const poor = await callerWith("advice", "1.05");
  const refused = async (fields: Json): Promise<string> => {
    const reply = await ask(poor, "chat", "gpt-mock", fields);
    assert.equal(reply.status, 402);
    return ((await reply.json()) as { error: { message: string } }).error.message;
  };
  const budget =
    "The month's budget of this user is 1.05 US dollars: 0 are spent, 0 are reserved for active requests, and this request may cost up to";
  const raise = /, or have an admin raise the budget; it begins anew at [-\dT:.]+Z\.$/;
  assert.equal(
    (await refused({})).replace(raise, ""),
    `${budget} 10. 100 output tokens are counted (ledger.output_ceiling), as the request does not set max_completion_tokens. There is room for 10: ask for no more`,
  );
  assert.equal(
    (await refused({ max_tokens: 20 })).replace(raise, ""),
    `${budget} 2. The request asks for up to 20 output tokens (max_completion_tokens). There is room for 10: ask for no more`,
  );
  assert.equal((await ask(poor, "chat", "gpt-mock", { max_tokens: 10 })).status, 200);
});

test("of 200 requests at once, with bounds of all kinds and none, in all dialects, no more is spent than the budget allows", async () => {
  const crowd = await callerWith("crowd", "20");
  const bounds: readonly Json[] = [
    {},
    { max_tokens: 5, max_completion_tokens: 17 },
    { max_tokens: 40, max_output_tokens: 3 },
    { max_completion_tokens: 0, max_tokens: 20 },
    { generationConfig: { maxOutputTokens: 2 }, generation_config: { max_output_tokens: 30 } },
    { max_tokens: null },
  ];
  const names = Object.keys(dialects) as Dialect[];
  const models = ["gpt-mock", "claude-mock", "gemini-mock"];
  const replies = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const dialect = names[i % names.length]!;
      const texts = { messages: [{ role: "user", content: spend }], input: spend, contents: [{ role: "user", parts: [{ text: spend }] }] };
      const prompt = Object.fromEntries(Object.entries(texts).filter(([key]) => key in dialects[dialect].body));
      const reply = await ask(crowd, dialect, models[i % models.length]!, { ...bounds[i % bounds.length], ...prompt });
      await reply.text();
      return reply.status;
    }),
  );
  const served = replies.filter((status) => status === 200).length;
  assert.deepEqual(new Set(replies), new Set([200, 402]));
  const { spent_usd, held_usd } = await budgetOf(crowd);
  assert.ok(served > 1 && Number(spent_usd) > 15 && Number(spent_usd) <= 20, `${served} served, ${spent_usd} spent`);
  assert.equal(held_usd, "0");
});
