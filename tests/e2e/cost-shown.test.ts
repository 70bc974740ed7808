import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import OpenAI from "openai";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** US dollars a million tokens. */
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "3", output: "15", cache_read: "0.3" }`).join("\n")}
`;
/** 60 fresh, 40 cached, 7 out: 0.00018 + 0.000012 + 0.000105. */
const usage = { input: 100, cached: 40, output: 7 };
const cost = 0.000297;

let mock: MockUpstream;
let gateway: TestGateway;
let openai: OpenAI;
before(async () => {
  mock = await createMockUpstream({ validate: true, apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url, prices) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: (await gateway.createKey("alice")).key, maxRetries: 0 });
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** The option of OpenRouter, which the SDK's types do not know but pass on. */
const withCost = { usage: { include: true } } as object;
const messages = [{ role: "user" as const, content: "Hello" }];

/** The mock checks its vendors' grammar, where the option is an unknown field; here it is looked at all the same. */
function optionSent(): boolean {
  return mock.requests.some(({ body }) => /"usage"\s*:/.test(body.toString()));
}

async function lastCost(): Promise<number> {
  return Number((await gateway.rows()).at(-1)!.cost_nano_usd) / 1e9;
}

// Same protocol, and each of the other two kinds of upstream through a translation.
for (const model of ["gpt-mock", "claude-mock", "gemini-mock"]) {
  test(`${model}: Chat has the cost in the usage, as JSON and in the stream's usage chunk, and the ledger has the same`, async () => {
    mock.enqueue({ text: ["Hi"], usage }, { text: ["Hi"], usage });
    const { data, response } = await openai.chat.completions.create({ model, messages, ...withCost }).withResponse();
    assert.equal((data.usage as { cost?: unknown }).cost, cost);
    assert.equal(response.headers.get("x-tokligence-cost-usd"), String(cost));
    assert.equal(response.headers.get("x-tokligence-dropped-params"), null);
    assert.equal(await lastCost(), cost);
    const stream = await openai.chat.completions.create({ model, messages, stream: true, ...withCost });
    const costs: unknown[] = [];
    for await (const chunk of stream) if (chunk.usage) costs.push((chunk.usage as { cost?: unknown }).cost);
    assert.deepStrictEqual(costs, [cost]);
    assert.equal(await lastCost(), cost);
    assert.equal(optionSent(), false);
  });

  test(`${model}: Responses has the cost in the usage, as JSON and in the stream's last event`, async () => {
    mock.enqueue({ text: ["Hi"], usage }, { text: ["Hi"], usage });
    const { data, response } = await openai.responses.create({ model, input: "Hello", ...withCost }).withResponse();
    assert.equal((data.usage as { cost?: unknown } | undefined)?.cost, cost);
    assert.equal(response.headers.get("x-tokligence-dropped-params"), null);
    const costs: unknown[] = [];
    for await (const event of await openai.responses.create({ model, input: "Hello", stream: true, ...withCost })) {
      if (event.type === "response.completed") costs.push((event.response.usage as { cost?: unknown } | undefined)?.cost);
    }
    assert.deepStrictEqual(costs, [cost]);
    assert.equal(optionSent(), false);
  });
}

test("who does not ask gets the answer as the upstream gave it", async () => {
  for (const more of [{}, { usage: { include: false } }]) {
    mock.enqueue({ text: ["Hi"], usage });
    const answer = await openai.chat.completions.create({ model: "gpt-mock", messages, ...(more as object) });
    assert.equal("cost" in answer.usage!, false);
    mock.enqueue({ text: ["Hi"], usage });
    for await (const chunk of await openai.chat.completions.create({ model: "gpt-mock", messages, stream: true, ...(more as object) })) {
      assert.equal(chunk.usage ?? undefined, undefined);
    }
  }
  assert.equal(optionSent(), false);
});

test("the cost of a model without a price is null, which is not 0; the built-in model costs 0", async () => {
  mock.enqueue({ text: ["Hi"], usage });
  const unpriced = await openai.chat.completions.create({ model: "org/local-model", messages, ...withCost });
  assert.equal((unpriced.usage as { cost?: unknown }).cost, null);
  const builtin = await openai.chat.completions.create({ model: "loopback", messages, ...withCost });
  assert.equal((builtin.usage as { cost?: unknown }).cost, 0);
  const costs: unknown[] = [];
  for await (const chunk of await openai.chat.completions.create({ model: "loopback", messages, stream: true, ...withCost })) {
    if (chunk.usage) costs.push((chunk.usage as { cost?: unknown }).cost);
  }
  assert.deepStrictEqual(costs, [0]);
});
