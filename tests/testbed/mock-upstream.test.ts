import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { createMockUpstream } from "./mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream.ts";
import { PROTOCOLS } from "./scenario.ts";
import type { Protocol } from "./scenario.ts";

let mock: MockUpstream;
before(async () => {
  mock = await createMockUpstream();
});
afterEach(() => mock.reset());
after(() => mock.close());

const PATHS: Readonly<Record<Protocol, string>> = {
  "openai-chat": "/v1/chat/completions",
  "openai-responses": "/v1/responses",
  "anthropic-messages": "/v1/messages",
  "gemini-generate": "/v1beta/models/m:generateContent",
};

function bodyFor(protocol: Protocol, isStream: boolean, text = "hi"): object {
  const messages = [{ role: "user", content: text }];
  switch (protocol) {
    case "openai-chat":
      return { model: "m", messages, stream: isStream, ...(isStream ? { stream_options: { include_usage: true } } : {}) };
    case "openai-responses":
      return { model: "m", input: text, stream: isStream };
    case "anthropic-messages":
      return { model: "m", max_tokens: 10, messages, stream: isStream };
    case "gemini-generate":
      return { contents: [{ role: "user", parts: [{ text }] }] };
  }
}

function post(protocol: Protocol, isStream: boolean, init: RequestInit & { base?: string; text?: string } = {}): Promise<Response> {
  const path = protocol === "gemini-generate" && isStream ? "/v1beta/models/m:streamGenerateContent?alt=sse" : PATHS[protocol];
  const headers = { "content-type": "application/json", "anthropic-version": "2026-10-21", ...(init.headers as object) };
  const { base = mock.url, text, ...rest } = init;
  return fetch(base + path, { method: "POST", body: JSON.stringify(bodyFor(protocol, isStream, text)), ...rest, headers });
}

test("a request is recorded as it was sent, and ends as answered", async () => {
  const response = await post("openai-chat", false, { headers: { "X-Odd-Case": "1" } });
  await response.text();
  const [request] = mock.requests;
  assert.ok(request);
  assert.deepEqual([request.serial, request.method, request.url], [1, "POST", "/v1/chat/completions"]);
  assert.deepEqual(JSON.parse(request.body.toString()), bodyFor("openai-chat", false));
  assert.equal(request.headers["x-odd-case"], "1");
  assert.ok(request.rawHeaders.includes("X-Odd-Case"));
  const end = await request.closed;
  assert.equal(end.how, "answered");
  assert.ok(end.atMs >= request.receivedAtMs);
  assert.equal(request.end, end);
});

test("the same body reports the same usage, another body another one", async () => {
  for (const protocol of PROTOCOLS) {
    mock.reset();
    for (const text of ["hi", "hi", "ho", "hello there"]) await (await post(protocol, false, { text })).text();
    const [first, same, ...others] = mock.requests.map((request) => request.reportedUsage);
    assert.ok(first && first.input > 0 && first.output > 0);
    assert.deepEqual(first, same);
    for (const other of others) assert.notEqual(first.input, other?.input);
  }
});

test("an error takes the place of the answer, with its headers, and no usage is reported", async () => {
  const expected: Readonly<Record<Protocol, unknown>> = {
    "openai-chat": { error: { message: "slow down", type: "requests", param: null, code: "rate_limit_exceeded" } },
    "openai-responses": { error: { message: "slow down", type: "requests", param: null, code: "rate_limit_exceeded" } },
    "anthropic-messages": {
      type: "error",
      error: { details: null, type: "rate_limit_error", message: "slow down" },
      request_id: "req_mock1",
    },
    "gemini-generate": { error: { code: 429, message: "slow down", status: "RESOURCE_EXHAUSTED" } },
  };
  for (const protocol of PROTOCOLS) {
    mock.reset();
    mock.enqueue({ trouble: { kind: "error", error: { status: 429, message: "slow down", headers: { "retry-after": "3" } } } });
    const response = await post(protocol, true);
    assert.deepEqual([response.status, response.headers.get("retry-after")], [429, "3"]);
    assert.deepEqual(await response.json(), expected[protocol]);
    assert.equal(mock.requests[0]?.reportedUsage, null);
  }
});

test("an error event comes first in the stream or after the pieces asked for", async () => {
  const error = { status: 503, message: "busy" };
  for (const protocol of PROTOCOLS) {
    mock.reset();
    mock.enqueue(
      { text: ["one", "two", "three"], trouble: { kind: "error-event", afterPieces: 0, error } },
      { text: ["one", "two", "three"], trouble: { kind: "error-event", afterPieces: 2, error } },
      { text: ["one", "two", "three"], trouble: { kind: "error-event", afterPieces: 99, error } },
    );
    const [first, second, third] = [await readText(protocol), await readText(protocol), await readText(protocol)];
    assert.equal(first.split(/(?:\r?\n){2}/).length, 2, "one event and nothing else");
    for (const [text, pieces] of [
      [first, []],
      [second, ["one", "two"]],
      [third, ["one", "two", "three"]],
    ] as const) {
      assert.match(text.trimEnd().split("\n").at(-1) ?? "", /busy/);
      for (const piece of ["one", "two", "three"])
        assert.equal(text.includes(`"${piece}"`), (pieces as readonly string[]).includes(piece), protocol);
    }
    assert.doesNotMatch(third, /\[DONE\]|message_stop|response\.completed|finishReason/);
    assert.ok(mock.requests.every((request) => request.reportedUsage === null || request.reportedUsage.output <= 1));
  }
});

test("a cut shows the pieces before it and is recorded as the mock's own doing", async () => {
  for (const protocol of PROTOCOLS) {
    for (const isStream of [true, false]) {
      mock.reset();
      mock.enqueue(
        { text: ["one", "two", "three"], trouble: { kind: "cut", afterPieces: 2 } },
        { trouble: { kind: "cut", afterPieces: "headers" } },
      );
      const response = await post(protocol, isStream);
      assert.equal(response.status, 200);
      const seen = await readUntilBroken(response);
      if (isStream) assert.deepEqual([seen.includes('"two"'), seen.includes('"three"')], [true, false]);
      else assert.throws(() => JSON.parse(seen));
      await assert.rejects(post(protocol, isStream), TypeError);
      assert.deepEqual([(await mock.requests[0]?.closed)?.how, (await mock.requests[1]?.closed)?.how], ["cut", "cut"]);
    }
  }
});

test("a hang lasts until the client leaves, and when it left is known", async () => {
  for (const protocol of PROTOCOLS) {
    for (const afterPieces of ["headers", 1] as const) {
      mock.reset();
      mock.enqueue({ text: ["one", "two"], trouble: { kind: "hang", afterPieces } });
      const leave = new AbortController();
      const response = post(protocol, true, { signal: leave.signal });
      if (afterPieces === "headers") await mock.waitForRequests(1);
      else await readUntil(await response, '"one"');
      const leftAtMs = performance.now();
      leave.abort();
      await response.then((settled) => settled.body?.cancel()).catch(() => undefined);
      const end = await mock.requests[0]?.closed;
      assert.equal(end?.how, "aborted");
      assert.ok(end.atMs >= leftAtMs);
    }
  }
});

test("a hang that is let go plays on", async () => {
  const gate = Promise.withResolvers<void>();
  mock.enqueue({ text: ["one", "two"], trouble: { kind: "hang", afterPieces: 1, until: gate.promise } });
  const response = await post("openai-chat", true);
  await readUntil(response.clone(), '"one"');
  gate.resolve();
  assert.match(await response.text(), /"two".*\[DONE\]/s);
  assert.equal((await mock.requests[0]?.closed)?.how, "answered");
});

test("a client that gives up while it sends is recorded with what it sent", async () => {
  const socket = connect(Number(new URL(mock.url).port), "127.0.0.1");
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"model":');
  // A later request that was answered shows that the first bytes have arrived.
  await (await post("openai-chat", false)).text();
  socket.destroy();
  const request = (await mock.waitForRequests(2))[1];
  assert.equal(request?.body.toString(), '{"model":');
  assert.equal((await request?.closed)?.how, "aborted");
});

test("scenarios are played in the order they were queued, then the chooser is asked", async () => {
  await using chosen = await createMockUpstream({ choose: (request) => ({ text: [`chosen ${request.serial}`] }) });
  chosen.enqueue({ text: ["first"] }, { text: ["second"] });
  assert.equal(chosen.queued, 2);
  const texts: unknown[] = [];
  for (let at = 0; at < 3; at += 1) {
    const answer = (await (await post("openai-chat", false, { base: chosen.url })).json()) as {
      choices: { message: { content: string } }[];
    };
    texts.push(answer.choices[0]?.message.content);
  }
  assert.deepEqual(texts, ["first", "second", "chosen 3"]);
});

test("keys and models are checked in the vendor's way", async () => {
  await using strict = await createMockUpstream({ apiKeys: ["good"], models: ["m"] });
  const statuses = async (headers: Record<string, string>): Promise<number[]> =>
    Promise.all(PROTOCOLS.map(async (protocol) => (await post(protocol, false, { base: strict.url, headers })).status));
  assert.deepEqual(await statuses({}), [401, 401, 401, 403]);
  assert.deepEqual(await statuses({ authorization: "Bearer bad", "x-api-key": "bad" }), [401, 401, 401, 401]);
  assert.deepEqual(await statuses({ authorization: "Bearer good" }), [200, 200, 200, 200]);
  assert.deepEqual(await statuses({ "x-api-key": "good", "x-goog-api-key": "bad" }), [401, 401, 200, 400]);
  const gone = await fetch(`${strict.url}/v1beta/models/gone:generateContent?key=good`, {
    method: "POST",
    body: JSON.stringify(bodyFor("gemini-generate", false)),
  });
  assert.equal(gone.status, 404);
});

test("paths that a vendor lacks, and bodies that are no JSON, get its 404 and 400", async () => {
  const missing = await fetch(`${mock.url}/v1beta/nothing`);
  assert.deepEqual([missing.status, ((await missing.json()) as { error: { status: string } }).error.status], [404, "NOT_FOUND"]);
  const broken = await fetch(`${mock.url}/v1/chat/completions`, { method: "POST", body: "{" });
  assert.equal(broken.status, 400);
  const escape = await fetch(`${mock.url}/v1/models/%E0%A4%A`);
  assert.equal(escape.status, 404);
});

test("connections are counted and reset forgets", async () => {
  await using fresh = await createMockUpstream();
  await (await post("openai-chat", false, { base: fresh.url })).text();
  assert.deepEqual([fresh.connections, fresh.requests.length], [1, 1]);
  fresh.enqueue({});
  fresh.reset();
  assert.deepEqual([fresh.requests.length, fresh.queued], [0, 0]);
  await (await post("openai-chat", false, { base: fresh.url })).text();
  assert.equal(fresh.requests[0]?.serial, 1);
});

async function readText(protocol: Protocol): Promise<string> {
  return (await post(protocol, true)).text();
}

/** What a response shows before its connection breaks. */
async function readUntilBroken(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  await assert.rejects(async () => {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes as Uint8Array, { stream: true });
  });
  return text;
}

async function readUntil(response: Response, mark: string): Promise<void> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  for (let text = ""; !text.includes(mark);) {
    const part = await reader?.read();
    assert.ok(part && !part.done, `the stream ended before ${mark}`);
    text += decoder.decode(part.value as Uint8Array, { stream: true });
  }
}
