import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { waitUntil } from "../testbed/wait-until.ts";

const day = 86_400_000;
/** Nobody listens there. */
const gone = 'gone: { protocols: [openai-chat], api_key: "", base_url: "http://127.0.0.1:9/v1", models: [twice] }';
const settings = 'ledger: { bodies: { enabled: true, lifetime: 2d, max_size: 16KiB, redact: ["card \\\\d+"] } }\n';

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys), validate: false });
  const config = withMockUpstream(mock.url, settings)
    .replace("providers:", `providers:\n  ${gone}`)
    .replace("routes:", "routes:\n  twice: [gone, openai]");
  gateway = await startGateway({ config });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  caller = await gateway.createKey("alice");
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

interface Bodies {
  readonly request_id: string;
  readonly bodies: readonly {
    readonly attempt: number;
    readonly request: string;
    readonly request_truncated: boolean;
    readonly answer: string | null;
    readonly answer_truncated: boolean;
  }[];
}

interface Asked {
  readonly id: string;
  readonly status: number;
  readonly request: string;
  readonly answer: string;
}

async function ask(of: TestGateway, path: string, body: unknown, key = caller.key): Promise<Asked> {
  const request = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const reply = await fetch(`${of.url}${path}`, { method: "POST", headers, body: request });
  return { id: reply.headers.get("x-request-id")!, status: reply.status, request, answer: await reply.text() };
}

async function read(of: TestGateway, id: string, key = of.adminKey): Promise<Response> {
  return await fetch(`${of.url}/api/v1/usage/entries/${id}/bodies`, { headers: { authorization: `Bearer ${key}` } });
}

async function bodiesOf(of: TestGateway, id: string): Promise<Bodies["bodies"]> {
  const reply = await read(of, id);
  assert.equal(reply.status, 200, await reply.clone().text());
  const found = (await reply.json()) as Bodies;
  assert.equal(found.request_id, id);
  return found.bodies;
}

/** As it is kept, where nothing of it is redacted or cut. */
const whole = ({ request, answer }: Asked, attempt: number) => ({
  attempt,
  request,
  request_truncated: false,
  answer,
  answer_truncated: false,
});

async function checkKept(asked: Asked, attempt = 1): Promise<void> {
  const kept = (await bodiesOf(gateway, asked.id)).map(({ attempt, request, request_truncated, answer, answer_truncated }) => ({
    attempt,
    request,
    request_truncated,
    answer,
    answer_truncated,
  }));
  assert.deepEqual(kept, [whole(asked, attempt)]);
}

const messages = [{ role: "user", content: "häi" }];
const callsOf = (model: string, stream: boolean): readonly (readonly [path: string, body: unknown])[] => [
  ["/v1/chat/completions", { model, messages, stream }],
  ["/v1/responses", { model, input: "häi", stream }],
  ["/v1/messages", { model, max_tokens: 50, messages, stream }],
  [
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "häi" }] }] },
  ],
];

for (const model of ["gpt-mock", "claude-mock", "gemini-mock", "nearby", "loopback"])
  test(`what every dialect asks of ${model} and gets is kept as it was, JSON and streams`, async () => {
    for (const stream of [false, true])
      for (const [path, body] of callsOf(model, stream)) {
        const asked = await ask(gateway, path, body);
        assert.equal(asked.status, 200, asked.answer);
        await checkKept(asked);
      }
  });

test("embeddings are kept; counts of tokens are not", async () => {
  await checkKept(await ask(gateway, "/v1/embeddings", { model: "text-embedding-mock", input: "hi" }));
  const counted = await ask(gateway, "/v1/messages/count_tokens", { model: "claude-mock", messages });
  assert.deepEqual([counted.status, (await read(gateway, counted.id)).status], [200, 404]);
});

test("errors: of the provider, of a stream under way, and refusals before any attempt", async () => {
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "no such thing" } } });
  const failed = await ask(gateway, "/v1/messages", { model: "gpt-mock", max_tokens: 5, messages });
  assert.equal(failed.status, 400);
  await checkKept(failed);
  mock.enqueue({ text: ["a", "b"], trouble: { kind: "cut", afterPieces: 1 } });
  const broken = await ask(gateway, "/v1/chat/completions", { model: "gpt-mock", messages, stream: true });
  assert.match(broken.answer, /upstream/);
  await checkKept(broken);
  const refused = await ask(gateway, "/v1/chat/completions", { model: "no-such-model", messages });
  assert.equal(refused.status, 404);
  await checkKept(refused, 0);
  const wrong = await ask(gateway, "/v1/chat/completions", '{"model": \u0000');
  assert.equal(wrong.status, 400);
  const [kept] = await bodiesOf(gateway, wrong.id);
  assert.deepEqual([kept!.request, kept!.answer], ['{"model": \ufffd', wrong.answer]);
});

test("a client that leaves: what it had got by then", async () => {
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => (release = resolve));
  mock.enqueue({ text: ["first", "second"], trouble: { kind: "hang", afterPieces: 1, until } });
  const leaving = new AbortController();
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}` },
    body: JSON.stringify({ model: "gpt-mock", messages, stream: true }),
    signal: leaving.signal,
  });
  const id = reply.headers.get("x-request-id")!;
  const reader = reply.body!.getReader();
  let got = "";
  await waitUntil("the first piece is here", async () => {
    const { done, value } = await reader.read();
    assert.ok(!done, `the stream is over after ${JSON.stringify(got)}`);
    got += Buffer.from(value).toString();
    return got.includes("first");
  });
  leaving.abort();
  const found = await waitUntil("the bodies are stored", async () => {
    const response = await read(gateway, id);
    return response.status !== 404 && response;
  });
  release();
  assert.equal(((await found.json()) as Bodies).bodies[0]!.answer, got);
});

test("no credential, no media and nothing that a pattern matches reaches the database's files; what is long is cut", async () => {
  const image = Buffer.alloc(3000, "media").toString("base64");
  const content = [
    { type: "text", text: `${caller.key} ${Object.values(providerKeys).join(" ")} card 12345678 häi` },
    { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } },
  ];
  // The model repeats its input.
  const text = [`I know ${providerKeys.openai} and ${caller.key}, card 12345678.`];
  mock.enqueue({ text }, { text });
  for (const stream of [false, true]) {
    const asked = await ask(gateway, "/v1/chat/completions", { model: "gpt-mock", stream, messages: [{ role: "user", content }] });
    assert.equal(asked.status, 200, asked.answer);
    const [kept] = await bodiesOf(gateway, asked.id);
    const hidden = Object.values(providerKeys).map(() => "[secret]");
    const expected = asked.request
      .replace(caller.key, "[secret]")
      .replace(Object.values(providerKeys).join(" "), hidden.join(" "))
      .replace("card 12345678", "[redacted]")
      .replace(image, "[media, 3000 bytes]");
    assert.deepEqual([kept!.request, kept!.request_truncated], [expected, false]);
    if (!stream) assert.match(kept!.answer!, /I know \[secret\] and \[secret\], \[redacted\]\./);
  }
  const long = await ask(gateway, "/v1/chat/completions", { model: "gpt-mock", messages: [{ role: "user", content: "é ".repeat(9000) }] });
  const [cut] = await bodiesOf(gateway, long.id);
  assert.deepEqual(
    [cut!.request_truncated, cut!.request],
    [true, Buffer.from(long.request).subarray(0, 16_384).toString().replace("\ufffd", "")],
  );

  for (const file of [gateway.database, `${gateway.database}-wal`]) {
    const bytes = await readFile(file);
    assert.ok(file.endsWith("-wal") || bytes.length > 0);
    for (const secret of [caller.key, ...Object.values(providerKeys), "card 12345678", image.slice(0, 100)])
      assert.ok(!bytes.includes(secret), `${secret} in ${file}`);
  }
});

test("one row a request, under the attempt whose answer the client got", async () => {
  const asked = await ask(gateway, "/v1/chat/completions", { model: "twice", messages });
  assert.equal(asked.status, 200, asked.answer);
  await checkKept(asked, 2);
});

test("of a response in the background what the client got at once is kept", async () => {
  const asked = await ask(gateway, "/v1/responses", { model: "claude-mock", input: "hi", background: true });
  assert.match(asked.answer, /"status":"queued"/);
  await checkKept(asked);
});

test("metrics count what was dropped", async () => {
  const reply = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  assert.match(await reply.text(), /^tokligence_bodies_dropped_total 0$/m);
});

test("admins alone read them; what is not there is a 404", async () => {
  const { id } = await ask(gateway, "/v1/chat/completions", { model: "loopback", messages });
  assert.equal((await read(gateway, id, caller.key)).status, 403);
  assert.equal((await read(gateway, id)).status, 200);
  const missing = await read(gateway, "req_none");
  assert.equal(missing.status, 404);
  assert.match(await missing.text(), /No bodies are kept of the request \\"req_none\\"/);
});

test("off, which is the default, no row is written; what was kept before goes when its time is over", async () => {
  let nowMs = Date.now();
  const clock = { now: () => nowMs, monotonic: () => performance.now() };
  const { id } = await ask(gateway, "/v1/chat/completions", { model: "loopback", messages });
  await bodiesOf(gateway, id);
  const off = await startGateway({ config: withMockUpstream(mock.url), database: gateway.database, clock });
  try {
    const asked = await ask(off, "/v1/chat/completions", { model: "loopback", messages }, off.adminKey);
    assert.deepEqual([asked.status, (await read(off, asked.id)).status, (await read(off, id)).status], [200, 404, 200]);
    assert.deepEqual(await off.sql("select 1 from entry_bodies where request_id = ?", asked.id), []);
  } finally {
    await off.stop();
  }
  nowMs += 8 * day;
  const later = await startGateway({ config: withMockUpstream(mock.url), database: gateway.database, clock });
  try {
    await waitUntil("old bodies are deleted", async () => (await later.sql("select 1 from entry_bodies limit 1")).length === 0);
    assert.equal((await read(later, id)).status, 404);
  } finally {
    await later.stop();
  }
});
