import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";
import { sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ validate: false });
  const provider = (fields: string): string => `{ base_url: "${mock.url}", api_key: k, ${fields} }`;
  const config = `providers:
  mistral: ${provider("models: [mistral-m]")}
  plain: ${provider("protocols: [openai-chat], models: [plain-m]")}
  mine: ${provider("protocols: [openai-chat], models: [mine-m], quirks: { renamed_fields: { seed: rng }, refused_fields: [user] }")}
  deepseek: ${provider("protocols: [anthropic-messages], models: [deepseek-m]")}
  unreachable: { preset: mistral, base_url: "http://127.0.0.1:9", api_key: k }
model_provider_routes: { both-m: [unreachable, plain], "mistral-*": mistral, "plain-*": plain, "mine-*": mine, "deepseek-*": deepseek }
`;
  gateway = await startGateway({ config });
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** Sends a body; returns what reached the provider, and the changes that the client's header names. */
async function sent(path: string, body: string): Promise<readonly [string, string | undefined]> {
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json", "anthropic-version", "2023-06-01"];
  const reply = await sendRaw(gateway.url, { path, headers, body });
  assert.equal(reply.status, 200, reply.body.toString());
  const request = mock.requests.find(({ method }) => method === "POST")!;
  return [request.body.toString(), reply.headers["x-tokligence-dropped-params"]?.toString()];
}

const chat = (body: string): Promise<readonly [string, string | undefined]> => sent("/v1/chat/completions", body);
const turns = '[{"role":"user","content":"Größe?"},{"role":"system","content":"é"},{"role":"assistant","content":"1.0"}]';

test("a Chat client's body is changed where its provider's preset says that it would be refused, and each change is reported", async () => {
  const [body, dropped] = await chat(`{"model":"mistral-m","seed":7,"temperature":0.50,"messages":${turns}}`);
  assert.equal(
    body,
    '{"model":"mistral-m","temperature":0.50,"messages":[{"role":"user","content":"Größe?\\n\\n<system-reminder>\\né\\n</system-reminder>"},{"role":"assistant","content":"1.0","prefix":true}],"random_seed":7}',
  );
  assert.equal(dropped, "messages[],seed");
});

test("a server without a preset gets the same body byte for byte", async () => {
  const body = `{"model":"plain-m","seed":7, "messages":${turns}}`;
  assert.deepEqual(await chat(body), [body, undefined]);
});

test("when another provider takes over, it gets the client's bytes, and no change is reported", async () => {
  const body = `{"model":"both-m","seed":7, "messages":${turns}}`;
  assert.deepEqual(await chat(body), [body, undefined]);
});

test("quirks in the configuration hold for a server of one's own", async () => {
  assert.deepEqual(await chat(`{"model":"mine-m","user":"u","seed":7,"messages":${turns}}`), [
    `{"model":"mine-m","messages":${turns},"rng":7}`,
    "seed,user",
  ]);
});

test("an effort beside disabled thinking is cut out for DeepSeek's Anthropic endpoint (report 911)", async () => {
  const messages = '[{"role":"user","content":"hi"}]';
  const body = `{"model":"deepseek-m","max_tokens":10,"thinking":{"type":"disabled"},"output_config":{"effort":"high"},"messages":${messages}}`;
  assert.deepEqual(await sent("/v1/messages", body), [
    `{"model":"deepseek-m","max_tokens":10,"thinking":{"type":"disabled"},"messages":${messages}}`,
    "output_config.effort",
  ]);
});
