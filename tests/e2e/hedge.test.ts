import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { JsonObject } from "../testbed/json.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type TestGateway } from "./harness.ts";

/** Its answers never begin, and it notes which requests were given up. */
let silent: MockUpstream;
let quick: MockUpstream;
let gateway: TestGateway;
const protocols = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic-messages",
  gemini: "gemini-generate",
} as const;

before(async () => {
  silent = await createMockUpstream({ choose: () => ({ trouble: { kind: "hang", afterPieces: "headers" } }) });
  quick = await createMockUpstream({
    choose: () => ({ text: ["Quick"], usage: { input: 7, cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 3, reasoning: 0 } }),
  });
  const base = (url: string, protocol: string): string => (protocol.startsWith("openai") ? `${url}/v1` : url);
  const provider = (name: string, url: string, [short, protocol]: readonly string[]): string =>
    `  ${name}-${short}: { protocols: [${protocol}], api_key: k, base_url: "${base(url, protocol!)}", probe: false }\n`;
  const rows = Object.entries(protocols);
  const models = rows.flatMap(([one]) =>
    rows.map(([other]) => `  ${one}-${other}: { targets: [silent-${one}/m, quick-${other}/m], hedge: 5ms }\n`),
  );
  gateway = await startGateway({
    logLevel: "error",
    config: `
providers:
${rows.flatMap((row) => [provider("silent", silent.url, row), provider("quick", quick.url, row)]).join("")}
models:
${models.join("")}
  patient: { targets: [silent-chat/m, quick-chat/m], hedge: p95 }
routing: { retry_budget: 100% }
firewall: { rules: { quick: { action: block, direction: answer, words: [Quick], users: [checked] } } }
prices: { m: { input: "1", output: "10" } }
`,
  });
});
beforeEach(() => {
  silent.reset();
  quick.reset();
});
after(async () => {
  await gateway.stop();
  await silent.close();
  await quick.close();
});

const say = [{ role: "user", content: "Hello" }];
const dialects: Readonly<Record<keyof typeof protocols, (model: string, stream: boolean) => readonly [path: string, body: JsonObject]>> = {
  chat: (model, stream) => ["/v1/chat/completions", { model, messages: say, stream }],
  responses: (model, stream) => ["/v1/responses", { model, input: "Hello", store: false, stream }],
  messages: (model, stream) => ["/v1/messages", { model, max_tokens: 10, messages: say, stream }],
  gemini: (model, stream) => [
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "Hello" }] }] },
  ],
};

for (const [dialect, request] of Object.entries(dialects)) {
  test(`${dialect}: a second target of any protocol answers while the first one is silent, and both are in the ledger`, async () => {
    const { key, keyId } = await gateway.createKey();
    for (const [index, other] of Object.keys(protocols).entries()) {
      for (const stream of [false, true]) {
        // The first target speaks the client's own dialect, the second one each of them, and the other way round.
        for (const model of index === 0 ? [`${dialect}-${other}`] : [`${dialect}-${other}`, `${other}-${dialect}`]) {
          const [path, body] = request(model, stream);
          const reply = await fetch(gateway.url + path, {
            method: "POST",
            headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
            body: JSON.stringify(body),
          });
          const text = await reply.text();
          assert.equal(reply.status, 200, text);
          assert.match(text, /Quick/);
          const { headers } = reply;
          const [first = "", second = ""] = model.split("-");
          assert.deepEqual(
            ["attempts", "provider", "attempt-errors"].map((name) => headers.get(`x-tokligence-${name}`)),
            ["2", `quick-${second}`, `hedge_lost silent-${first}/m`],
          );
        }
      }
    }
    const rows = (await gateway.rows()).filter(({ key_id }) => key_id === keyId);
    const pairs = Map.groupBy(rows, ({ request_id }) => request_id);
    assert.equal(pairs.size, 14);
    for (const pair of pairs.values()) {
      const [lost, won] = pair.toSorted((one, two) => one.attempt - two.attempt);
      assert.deepEqual(
        [lost, won].map((row) => `${row!.attempt} ${row!.status} ${row!.error_code} ${row!.usage_source} ${row!.attempt_reason}`),
        ["1 cancelled hedge_lost estimated null", "2 ok null reported hedge"],
      );
      assert.deepEqual([won!.input_tokens, won!.output_tokens, Number(won!.cost_nano_usd)], [7, 3, 37_000]);
      // What was sent is read by the model, and paid for.
      assert.ok(lost!.input_tokens! > 0 && Number(lost!.cost_nano_usd) === lost!.input_tokens! * 1000, JSON.stringify(lost));
    }
  });
}

test("a rule that blocks the answer of the second target ends that attempt, and its row says so", async () => {
  const { key, keyId } = await gateway.createKey("checked");
  for (const stream of [false, true]) {
    const [path, body] = dialects.chat("chat-chat", stream);
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const reply = await fetch(gateway.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.match(await reply.text(), /firewall_answer_blocked/);
    assert.equal(reply.status, stream ? 200 : 400);
    const rows = (await gateway.rows()).filter((row) => row.key_id === keyId).slice(-2);
    assert.deepEqual(rows.map((row) => `${row.attempt} ${row.status} ${row.http_status} ${row.error_code}`).toSorted(), [
      "1 cancelled 499 hedge_lost",
      `2 interrupted ${stream ? 200 : 400} firewall_answer_blocked`,
    ]);
  }
});

test("route explain shows when a second target is asked, and the metrics count them", async () => {
  const explained = async (model: string): Promise<string> => (await callAdmin(gateway, "routes.explain", { query: { model } })).hedge;
  assert.deepEqual([await explained("chat-gemini"), await explained("patient"), await explained("silent-chat/m")], ["5ms", "p95", "off"]);
  const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.adminKey}` } })).text();
  const value = (name: string): number => Number(new RegExp(`^tokligence_${name} (\\S+)$`, "m").exec(metrics)?.[1]);
  assert.deepEqual([value("hedged_requests_total"), value("hedges_won_total")], [58, 58]);
  assert.ok(value("hedge_lost_cost_usd_total") > 0);
});
