import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import { sendRaw, type RawReply } from "../e2e/raw-http.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import type { Fault } from "../testbed/fault-wire.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { dialects, type Dialect } from "./dialects.ts";
import type { Seen } from "./observe.ts";
import { ask } from "./observe.ts";
import { errorBody, inPlaceOfAnswer, play, streamOf, type Words } from "./upstream-words.ts";

/** What the providers are called with; JSON, URLs and base64 change some of the characters. */
const secrets = ['sk-can"ary/7f3a9b-x=', "team-canary-51c2de", "query canary+/a1b2"] as const;
const [key, team, query] = secrets;
const forms: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => JSON.stringify(secret).slice(1, -1),
  encodeURIComponent,
  (secret) => Buffer.from(`Bearer ${secret}`).toString("base64"),
  (secret) => Buffer.from(secret).toString("base64url"),
];
/** All of it in all forms, as an upstream might repeat its request. */
const said = secrets.flatMap((secret) => forms.map((form) => form(secret))).join(" | ");

let server: FaultServer;
let gateway: TestGateway;
let caller: Caller;

before(async () => {
  server = await createFaultServer();
  const provider = (protocol: Protocol): string =>
    `  ${protocol}: { protocols: [${protocol}], api_key: '${key}', headers: { x-team: 'Bearer ${team}' }, query: { s: '${query}' }, ` +
    `base_url: "${server.url}${protocol.startsWith("openai") ? "/v1" : ""}", models: [m-${protocol}] }\n`;
  const prices = PROTOCOLS.map((protocol) => `m-${protocol}: { input: 1, output: 2 }`).join(", ");
  gateway = await startGateway({
    config: `providers:\n${PROTOCOLS.map(provider).join("")}routing: { retries: 0 }\nprices: { ${prices} }\n`,
  });
  caller = await gateway.createKey("alice");
});
after(async () => {
  await gateway.stop();
  await server.close();
});

interface Cell {
  readonly dialect: Dialect;
  readonly upstream: Protocol;
  readonly stream: boolean;
}

const cells: readonly Cell[] = dialects.flatMap((dialect) =>
  PROTOCOLS.flatMap((upstream) => [false, true].map((stream) => ({ dialect, upstream, stream }))),
);

function nameOf({ dialect, upstream, stream }: Cell): string {
  return `${dialect.id} to ${upstream}, ${stream ? "streamed" : "whole"}`;
}

async function meet({ dialect, upstream, stream }: Cell, fault: Fault["play"]): Promise<Seen> {
  server.use(fault);
  return await ask(gateway, caller.key, dialect, stream, "hi", `m-${upstream}`);
}

/** The same without reading the answer, which may be none of the dialect. */
async function send({ dialect, upstream, stream }: Cell, fault: Fault["play"]): Promise<RawReply> {
  server.use(fault);
  const model = `m-${upstream}`;
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
  return await sendRaw(gateway.url, { path: dialect.path(stream, model), headers, body: dialect.body(stream, "hi", model) });
}

/** The rows of what is asked meanwhile: client's status, code, and what is charged. */
async function rowsOf(work: () => Promise<void>): Promise<string[]> {
  const known = (await gateway.rows()).length;
  await work();
  const rows = (await gateway.rows()).slice(known);
  return rows.map((row) => `${row.status} ${row.http_status} ${row.error_code} ${row.usage_source} ${row.cost_nano_usd ?? 0}`);
}

const slowDown: Words = { status: 429, message: "Slow down. ✓" };

test("an error with status 200 is an error of the client's dialect and costs nothing", async () => {
  const seen: string[] = [];
  const rows = await rowsOf(async () => {
    for (const cell of cells) {
      for (const answer of inPlaceOfAnswer(cell.upstream, cell.stream, slowDown)) {
        const { status, how, error } = await meet(cell, answer.play);
        seen.push(`${nameOf(cell)}, ${answer.name}: ${how} ${status} ${error?.message}`);
      }
    }
  });
  const asked = cells.flatMap((cell) =>
    inPlaceOfAnswer(cell.upstream, cell.stream, slowDown).map(({ name }) => `${nameOf(cell)}, ${name}`),
  );
  assert.deepEqual(
    seen,
    asked.map((name) => `${name}: error 429 Slow down. ✓`),
  );
  assert.deepEqual(
    rows,
    asked.map(() => "error 429 rate_limited none 0"),
  );
});

test("an error in a stream that has begun ends it with an error of the client's dialect", async () => {
  const streams = cells.filter(({ stream }) => stream);
  const rows = await rowsOf(async () => {
    for (const cell of streams) {
      const { how, error, events } = await meet(cell, play(streamOf(cell.upstream, slowDown, "later"), {}));
      assert.deepEqual([how, error?.message], ["broken", "Slow down. ✓"], nameOf(cell));
      assert.ok(events.join("").includes("Hello"), nameOf(cell));
    }
  });
  assert.deepEqual(
    rows.map((row) => row.split(" ").slice(0, 3).join(" ")),
    streams.map(() => "interrupted 200 rate_limited"),
  );
});

test("a Chat answer of which a choice failed without a word is a failed answer", async () => {
  const silent = JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content: "half" }, finish_reason: "error" }] });
  const rows = await rowsOf(async () => {
    for (const dialect of dialects) {
      const { how, status } = await meet({ dialect, upstream: "openai-chat", stream: false }, play({ whole: silent }, {}));
      assert.deepEqual([how, status], ["error", 502], dialect.id);
    }
  });
  assert.deepEqual(rows, Array(4).fill("error 502 upstream_error estimated 0"));
});

test("an answer that is neither one of its protocol nor an error is refused and costs nothing", async () => {
  const rows = await rowsOf(async () => {
    for (const cell of cells.filter(({ stream }) => !stream)) {
      const { how, status } = await meet(cell, play({ whole: '{"ok":true}' }, {}));
      assert.deepEqual([how, status], ["error", 502], nameOf(cell));
    }
  });
  assert.deepEqual(rows, Array(16).fill("error 502 upstream_invalid_response none 0"));
});

test("a prompt that Gemini blocks is a filtered answer, and costs nothing where no tokens are reported", async () => {
  const blocked = JSON.stringify({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, responseId: "r", modelVersion: "m" });
  const ends: Readonly<Record<string, string>> = {
    "openai-chat": '"finish_reason":"content_filter"',
    "openai-responses": '"reason":"content_filter"',
    "anthropic-messages": '"stop_reason":"refusal"',
    "gemini-generate": '"blockReason":"PROHIBITED_CONTENT"',
  };
  const asked = cells.filter(({ upstream }) => upstream === "gemini-generate");
  const rows = await rowsOf(async () => {
    for (const cell of asked) {
      const answer = cell.stream ? { frames: [`data: ${blocked}\r\n\r\n`] } : { whole: blocked };
      const { status, body } = await send(cell, play(answer, {}));
      assert.deepEqual([status, body.includes(ends[cell.dialect.id]!)], [200, true], `${nameOf(cell)}: ${body.toString()}`);
    }
  });
  assert.deepEqual(rows, Array(asked.length).fill("ok 200 null reported 0"));
  for (const cell of asked.filter(({ stream }) => !stream)) {
    const { how, status } = await meet(cell, play({ whole: '{"promptFeedback":{}}' }, {}));
    assert.deepEqual([how, status], ["error", 502], nameOf(cell));
  }
});

test("a status beyond those of HTTP is a 502", async () => {
  const rows = await rowsOf(async () => {
    for (const [index, cell] of cells.entries()) {
      const status = [600, 799, 999][index % 3]!;
      const seen = await meet(cell, play({ whole: JSON.stringify(errorBody(cell.upstream, slowDown)) }, { status }));
      assert.deepEqual([seen.how, seen.status], ["error", 502], nameOf(cell));
    }
  });
  assert.deepEqual(rows, Array(cells.length).fill("error 502 upstream_invalid_response none 0"));
});

test("the upstream's own id of a request is in the answer's head and in the log, of errors too", async () => {
  const ids: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const name = ["x-request-id", "request-id", "x-goog-request-id", "apim-request-id", "cf-ray"][index % 5]!;
    for (const status of [200, 500]) {
      const id = `upstream_${ids.length}`;
      const body = status === 200 ? {} : { whole: JSON.stringify(errorBody(cell.upstream, { status, message: "It broke." })) };
      const { headers } = await meet(cell, play(body, { status, headers: { [name]: id } }));
      assert.equal(headers["x-tokligence-upstream-request-id"], id, nameOf(cell));
      assert.match(String(headers["x-request-id"]), /^req_[0-9a-f-]{36}$/);
      ids.push(id);
    }
  }
  const logged = (await gateway.logText()).matchAll(/"upstream_request_id":"([^"]*)"/g);
  assert.deepEqual([...logged].map(([, id]) => id).slice(-ids.length), ids);
});

test("what a moderation refuses is the client's own, and what is wrong with the key the operator's, who finds the reason in the log", async () => {
  const flagged = {
    error: { code: 403, message: "Your chosen model requires moderation and your input was flagged", metadata: { reasons: ["violence"] } },
  };
  const scopes = { error: { message: `You have insufficient permissions. Missing scopes: model.request (${key})`, type: "x" } };
  for (const dialect of dialects) {
    const cell = { dialect, upstream: "openai-chat", stream: false } as const;
    const moderated = await meet(cell, play({ whole: JSON.stringify(flagged) }, { status: 403 }));
    assert.deepEqual([moderated.status, moderated.error?.message], [403, flagged.error.message], dialect.id);
    const refused = await meet(cell, play({ whole: JSON.stringify(scopes) }, { status: 401 }));
    assert.equal(refused.status, 502, dialect.id);
    assert.ok(!refused.body.includes("scopes"), refused.body.toString());
  }
  const last = (await gateway.logText()).trim().split("\n").at(-1)!;
  assert.equal(
    (JSON.parse(last) as { upstream_error?: string }).upstream_error,
    "You have insufficient permissions. Missing scopes: model.request ([secret])",
  );
});

test("an error with status 200 is one for counts of tokens, embeddings and Gemini's stream as an array too", async () => {
  const models = "/v1beta/models/m-gemini-generate";
  const contents = [{ role: "user", parts: [{ text: "hi" }] }];
  const asked: readonly (readonly [Protocol, string, object, boolean])[] = [
    ["gemini-generate", `${models}:streamGenerateContent`, { contents }, true],
    ["gemini-generate", `${models}:countTokens`, { contents }, false],
    ["gemini-generate", `${models}:embedContent`, { content: contents[0] }, false],
    ["gemini-generate", "/v1/embeddings", { model: "m-gemini-generate", input: "hi" }, false],
    ["openai-chat", "/v1/embeddings", { model: "m-openai-chat", input: "hi" }, false],
    ["openai-chat", "/v1beta/models/m-openai-chat:embedContent", { content: contents[0] }, false],
    ["openai-responses", "/v1/responses/input_tokens", { model: "m-openai-responses", input: "hi" }, false],
    [
      "anthropic-messages",
      "/v1/messages/count_tokens",
      { model: "m-anthropic-messages", messages: [{ role: "user", content: "hi" }] },
      false,
    ],
    ["anthropic-messages", "/v1beta/models/m-anthropic-messages:countTokens", { contents }, false],
  ];
  const rows = await rowsOf(async () => {
    for (const [upstream, path, request, isArray] of asked) {
      const error = JSON.stringify(errorBody(upstream, slowDown));
      server.use(play({ whole: isArray ? `[${error}]` : error }, {}));
      const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
      const { status, body } = await sendRaw(gateway.url, { path, headers, body: JSON.stringify(request) });
      assert.deepEqual([status, body.includes("Slow down. ✓")], [429, true], `${path}: ${body.toString()}`);
    }
  });
  assert.deepEqual(rows, Array(asked.length).fill("error 429 rate_limited none 0"));
});

test("a stored response that failed is returned without secrets", async () => {
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
  server.use("healthy");
  const body = JSON.stringify({ model: "m-openai-responses", input: "hi" });
  const made = await sendRaw(gateway.url, { path: "/v1/responses", headers, body });
  const response = JSON.parse(made.body.toString()) as { readonly id: string };
  const failed = { ...response, status: "failed", output: [], error: { code: "server_error", message: `Bad key: ${key}` } };
  server.use(play({ whole: JSON.stringify(failed) }, {}));
  const seen = await sendRaw(gateway.url, { method: "GET", path: `/v1/responses/${response.id}`, headers });
  assert.equal(seen.status, 200);
  assert.deepEqual(JSON.parse(seen.body.toString()), { ...failed, error: { code: "server_error", message: "Bad key: [secret]" } });
});

test("nothing that an upstream says about itself, in whatever place, gives its provider's secrets away", async () => {
  const words: Words = { status: 500, message: `Bad key: ${said}`, all: said };
  const leaks: string[] = [];
  const check = (where: string, text: string): void => {
    for (const secret of secrets) for (const form of forms) if (text.includes(form(secret))) leaks.push(`${where}: ${form(secret)}`);
  };
  for (const cell of cells) {
    const answers = inPlaceOfAnswer(cell.upstream, cell.stream, words).map(({ name, play: fault }) => ({ name, fault }));
    const whole = JSON.stringify(errorBody(cell.upstream, words));
    for (const status of [400, 401, 403, 404, 422, 429, 500, 503])
      answers.push({ name: `${status}`, fault: play({ whole }, { status, said }) });
    answers.push(
      { name: "no JSON", fault: play({ whole: said }, { said }) },
      { name: "a text", fault: play({ whole: said }, { status: 503, said }) },
    );
    answers.push({ name: "an encoding", fault: play({ whole }, { headers: { "content-encoding": said.slice(0, 60) } }) });
    answers.push({ name: "a content type", fault: play({}, { said, headers: { "content-type": `text/html; ${said}` } }) });
    answers.push({ name: "a good answer", fault: play({}, { said }) });
    if (cell.stream)
      for (const place of ["first", "later", "comment", "text"] as const)
        answers.push({ name: `in a stream: ${place}`, fault: play(streamOf(cell.upstream, words, place), { said }) });
    for (const { name, fault } of answers) {
      const { rawHeaders, body } = await send(cell, fault);
      check(`${nameOf(cell)}, ${name}, head`, rawHeaders.join("\n"));
      check(`${nameOf(cell)}, ${name}, body`, body.toString());
    }
    // Its name for the model is a part of the answer, and of the row and the log beside it.
    await send(cell, play({ model: said }, {}));
  }
  for (const path of ["/metrics", "/health", "/v1/models", "/api/v1/usage"]) {
    const reply = await sendRaw(gateway.url, { method: "GET", path, headers: ["x-api-key", gateway.adminKey] });
    check(path, reply.body.toString());
  }
  check("the rows", (await gateway.rows()).map((row) => Object.values(row).join(" ")).join("\n"));
  check("the log", await gateway.logText());
  assert.deepEqual(leaks, []);
});
