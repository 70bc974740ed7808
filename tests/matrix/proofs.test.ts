import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sealMark } from "../../src/core/index.ts";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Ask, MatrixClient } from "./ask.ts";
import { configOf, models } from "./bench.ts";
import { createAnthropicClient } from "./client-anthropic.ts";
import { createGeminiClient } from "./client-gemini.ts";
import { createChatClient } from "./client-openai-chat.ts";
import { createResponsesClient } from "./client-openai-responses.ts";
import { weather } from "./scenarios.ts";

/**
 * The mock refuses a proof that its vendor did not make, and Gemini's a call without one; so every answer below says that no request held what it must
 * not. What it did hold is compared byte for byte.
 */
const signing = ["openai-responses", "anthropic-messages", "gemini-generate"] as const;
/** What the mock signs its answer to the request of this number with. */
const proofs: Readonly<Record<(typeof signing)[number], (serial: number) => string>> = {
  "openai-responses": (serial) => `gAAAAmock${serial}==`,
  "anthropic-messages": (serial) => Buffer.from(`anthropic-signature-${serial}`).toString("base64"),
  "gemini-generate": (serial) => Buffer.from(`gemini-signature-${serial}`).toString("base64"),
};

const user = { role: "user", text: "Zürich?" } as const;
const base = { tools: [weather], reasoning: true } as const;
const calling: Scenario = { reasoning: ["Look."], text: ["I look."], toolCalls: [{ name: weather.name, arguments: '{"city":"Zürich"}' }] };

const create: Readonly<Record<Protocol, (url: string, key: string) => MatrixClient>> = {
  "openai-chat": createChatClient,
  "openai-responses": createResponsesClient,
  "anthropic-messages": createAnthropicClient,
  "gemini-generate": createGeminiClient,
};

let mock: MockUpstream;
let gateway: TestGateway;
before(async () => {
  mock = await createMockUpstream({ apiKeys: ["sk-matrix"] });
  gateway = await startGateway({ config: configOf(mock.url) });
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** A conversation up to the result of the call that `upstream` made and signed. */
interface Called {
  readonly turns: Ask["turns"];
  readonly proof: string;
}

async function callOf(client: MatrixClient, upstream: (typeof signing)[number], stream: boolean): Promise<Called> {
  mock.reset();
  mock.enqueue(calling);
  const first = await client.run({ ...base, turns: [user] }, models[upstream], stream);
  const [call] = first.calls;
  assert.ok(call !== undefined);
  const { serial } = mock.requests.findLast(({ body }) => body.includes(user.text))!;
  const results = [{ id: call.id, name: call.name, text: "Sunny" }];
  return { turns: [user, { role: "reply", reply: first.reply }, { role: "tools", results }], proof: proofs[upstream](serial) };
}

/** Goes on at an upstream; returns the body that reached it. */
async function goOn(client: MatrixClient, upstream: Protocol, turns: Ask["turns"], stream: boolean): Promise<string> {
  mock.enqueue({ text: ["Sunny."] });
  const outcome = await client.run({ ...base, turns }, models[upstream], stream);
  assert.equal(outcome.text, "Sunny.");
  return mock.requests.findLast(({ body }) => body.includes(user.text))!.body.toString();
}

function changed(turns: Ask["turns"], change: (json: string) => string): Ask["turns"] {
  return JSON.parse(change(JSON.stringify(turns))) as Ask["turns"];
}

for (const dialect of PROTOCOLS) {
  for (const upstream of signing) {
    if (upstream === dialect) continue;
    for (const stream of [false, true]) {
      const pair = `${dialect} to ${upstream}, ${stream ? "streamed" : "whole"}`;

      for (const next of PROTOCOLS) {
        if (next === upstream) continue;
        test(`${pair}: the model changes to one of ${next} and back`, async () => {
          const client = create[dialect](gateway.url, (await gateway.createKey("alice")).key);
          const { turns, proof } = await callOf(client, upstream, stream);
          const body = await goOn(client, next, turns, stream);
          assert.ok(!body.includes(sealMark) && !body.includes(proof));
          assert.ok((await goOn(client, upstream, turns, stream)).includes(`"${proof}"`));
        });
      }

      test(`${pair}: a seal that is another user's, cut or altered is as good as none`, async () => {
        const client = create[dialect](gateway.url, (await gateway.createKey("alice")).key);
        const { turns, proof } = await callOf(client, upstream, stream);
        const other = create[dialect](gateway.url, (await gateway.createKey("bob")).key);
        assert.ok(!(await goOn(other, upstream, turns, stream)).includes(proof));
        // What is kept beside the call's id is not in this client's hands.
        const isSealedOnCall = upstream === "gemini-generate" && dialect === "openai-chat";
        const isBesideCall = upstream === "gemini-generate" || dialect === "openai-chat";
        const isKept = !JSON.stringify(turns).includes(sealMark) || (isBesideCall && !isSealedOnCall);
        if (isKept) return;
        for (const change of [
          (json: string) => json.replace(/(tokligence01[^"]{80})[^"]*/g, "$1"),
          (json: string) =>
            json.replace(/(tokligence01[^"]{40})(.)/g, (_, head: string, letter: string) => head + (letter === "A" ? "B" : "A")),
        ]) {
          assert.ok(!(await goOn(client, upstream, changed(turns, change), stream)).includes(proof));
        }
      });
    }
  }
}

test("a dropped proof is named in the answer's headers, by the client's name for it", async () => {
  const { key } = await gateway.createKey("alice");
  const client = createAnthropicClient(gateway.url, key);
  const { turns } = await callOf(client, "openai-responses", false);
  const droppedBy = async (upstream: Protocol): Promise<readonly string[]> => {
    mock.enqueue({ text: ["Sunny."] });
    const { path, body } = client.wire({ ...base, turns }, models[upstream], false);
    const headers = ["x-api-key", key, "anthropic-version", "2023-06-01", "content-type", "application/json"];
    const reply = await sendRaw(gateway.url, { path, headers, body: JSON.stringify(body) });
    assert.equal(reply.status, 200);
    return String(reply.headers["x-tokligence-dropped-params"] ?? "").split(",");
  };
  assert.ok(!(await droppedBy("openai-responses")).some((param) => param.includes("signature")));
  assert.ok((await droppedBy("gemini-generate")).includes("messages[].content[].signature"));
});

test("after a restart, and at another gateway on the same database, every proof comes back", async () => {
  const first = await startGateway({ config: configOf(mock.url) });
  const { key } = await first.createKey("alice");
  const pairs = PROTOCOLS.flatMap((dialect) =>
    signing.filter((upstream) => upstream !== dialect).map((upstream) => ({ dialect, upstream })),
  );
  const called = [];
  for (const pair of pairs) called.push({ ...pair, ...(await callOf(create[pair.dialect](first.url, key), pair.upstream, false)) });
  const second = await startGateway({ config: configOf(mock.url), database: first.database });
  try {
    for (const { dialect, upstream, turns, proof } of called) {
      const body = await goOn(create[dialect](second.url, key), upstream, turns, false);
      assert.ok(body.includes(`"${proof}"`), `${dialect} to ${upstream}`);
    }
  } finally {
    await second.stop();
    await first.stop();
  }
});

test("a proof of another installation opens nowhere else", async () => {
  const other = await startGateway({ config: configOf(mock.url) });
  try {
    const { turns, proof } = await callOf(
      createAnthropicClient(other.url, (await other.createKey("alice")).key),
      "openai-responses",
      false,
    );
    assert.ok(JSON.stringify(turns).includes(sealMark));
    const here = createAnthropicClient(gateway.url, (await gateway.createKey("alice")).key);
    assert.ok(!(await goOn(here, "openai-responses", turns, false)).includes(proof));
  } finally {
    await other.stop();
  }
});

test("a provider that wants its unsigned reasoning back with calls gets it, though the client shows none of it", async () => {
  const config = `providers:\n  deepseek: { protocols: [openai-chat], base_url: "${mock.url}/v1", api_key: sk-matrix, models: ["deepseek-mock"] }\n`;
  const other = await startGateway({ config });
  try {
    const { key } = await other.createKey("alice");
    for (const dialect of ["openai-responses", "anthropic-messages", "gemini-generate"] as const) {
      const client = create[dialect](other.url, key);
      mock.reset();
      mock.enqueue(calling);
      const first = await client.run({ tools: [weather], turns: [user] }, "deepseek-mock", false);
      const [call] = first.calls;
      const shown = JSON.stringify(first.reply).replaceAll("Look.", "");
      const reply = { role: "reply", reply: JSON.parse(shown) as object[] } as const;
      const results = { role: "tools", results: [{ id: call!.id, name: call!.name, text: "Sunny" }] } as const;
      mock.enqueue({ text: ["Sunny."] });
      await client.run({ tools: [weather], turns: [user, reply, results] }, "deepseek-mock", false);
      assert.match(mock.requests.at(-1)!.body.toString(), /"reasoning_content":"Look\."/, dialect);
    }
  } finally {
    await other.stop();
  }
});
