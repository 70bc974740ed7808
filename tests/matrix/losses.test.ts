import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { announcementsOver } from "../e2e/both-ways.ts";
import type { TestGateway } from "../e2e/harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import type { RawReply } from "../e2e/raw-http.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";

let mock: MockUpstream;
let lenient: TestGateway;
let strict: TestGateway;
const keys = new Map<TestGateway, string>();
before(async () => {
  mock = await createMockUpstream();
  lenient = await startGateway({ config: withMockUpstream(mock.url) });
  strict = await startGateway({ config: withMockUpstream(mock.url), env: { TOKLIGENCE_GATEWAY_ON_LOSS: "refuse" } });
  await announcementsOver(mock, 2 * Object.keys(providerKeys).length);
  for (const gateway of [lenient, strict]) keys.set(gateway, (await gateway.createKey("alice")).key);
});
after(async () => {
  await lenient.stop();
  await strict.stop();
  await mock.close();
});

async function post(gateway: TestGateway, path: string, body: object): Promise<RawReply> {
  const headers = ["authorization", `Bearer ${keys.get(gateway)}`, "content-type", "application/json"];
  return sendRaw(gateway.url, { path, headers, body: JSON.stringify(body) });
}

const messages = [{ role: "user", content: "hi" }];
const contents = [{ role: "user", parts: [{ text: "hi" }] }];

/** The same losses as each dialect spells them, and the body that brings them. */
const lossy: readonly (readonly [path: string, body: object, params: readonly string[]])[] = [
  ["/v1/chat/completions", { model: "claude-mock", messages, seed: 1, logit_bias: { 1: 1 }, my_own: 1 }, ["seed", "logit_bias", "my_own"]],
  [
    "/v1/messages",
    { model: "gemini-mock", max_tokens: 9, messages, metadata: { user_id: "u" }, container: "c" },
    ["metadata.user_id", "container"],
  ],
  [
    "/v1/responses",
    { model: "gemini-mock", input: "hi", text: { verbosity: "low" }, truncation: "auto" },
    ["text.verbosity", "truncation"],
  ],
  [
    "/v1beta/models/claude-mock:generateContent",
    { contents, generationConfig: { seed: 1 }, labels: { a: "b" } },
    ["generationConfig.seed", "labels"],
  ],
];

for (const [path, body, params] of lossy) {
  test(`${path}: what is lost is named in the client's words, in the header and in the log`, async () => {
    const { status, headers } = await post(lenient, path, body);
    assert.equal(status, 200);
    assert.deepEqual(String(headers["x-tokligence-dropped-params"]).split(",").toSorted(), params.toSorted());
    const lines = (await lenient.logText()).split("\n").filter((line) => line.includes(String(headers["x-request-id"])));
    const dropped = lines.flatMap((line) => (JSON.parse(line) as { dropped_params?: string[] }).dropped_params ?? []);
    assert.deepEqual(dropped.toSorted(), params.toSorted());
  });

  test(`${path}: on_loss refuse names all of it, and sends nothing`, async () => {
    mock.reset();
    const { status, headers, body: answer } = await post(strict, path, body);
    assert.equal(status, 400);
    assert.equal(headers["x-tokligence-dropped-params"], undefined);
    for (const param of params) assert.ok(answer.toString().includes(`${param} (`), `${param} in ${answer.toString()}`);
    assert.equal(mock.requests.length, 0);
  });
}

test("losses are counted by name, client and upstream; a name of the client's own making is other", async () => {
  const text = await (await fetch(`${lenient.url}/metrics`)).text();
  const counted = [...text.matchAll(/^tokligence_translation_losses_total\{param="([^"]+)",from="([^"]+)",to="([^"]+)"\} (\d+)$/gm)].map(
    ([, param, from, to, count]) => `${param} ${from} ${to} ${count}`,
  );
  assert.deepEqual(counted.toSorted(), [
    "container anthropic-messages gemini-generate 1",
    "generationConfig.seed gemini-generate anthropic-messages 1",
    "labels gemini-generate anthropic-messages 1",
    "logit_bias openai-chat anthropic-messages 1",
    "metadata.user_id anthropic-messages gemini-generate 1",
    "other openai-chat anthropic-messages 1",
    "seed openai-chat anthropic-messages 1",
    "text.verbosity openai-responses gemini-generate 1",
    "truncation openai-responses gemini-generate 1",
  ]);
});
