import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { UsageRow } from "../../src/ledger/index.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

/** What the provider answers next. */
let answer: (response: ServerResponse) => void = (response) => response.end("{}");
let server: Server;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (request.method === "GET") response.setHeader("content-type", "application/json").end('{"data":[]}');
      else answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  gateway = await startGateway({
    config: `
gateway: { work_mode: auto }
providers:
  openai: { api_key: sk-upstream, base_url: "${url}/v1", models: [gpt-5] }
  anthropic: { api_key: sk-ant-upstream, base_url: "${url}", models: [claude-sonnet-4-5] }
  google: { api_key: AIza-upstream, base_url: "${url}", models: [gemini-2.5-flash] }
`,
  });
  caller = await gateway.createKey("estimates");
});
after(async () => {
  await gateway.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

type Json = Record<string, unknown>;

const dialects = {
  chat: { path: "/v1/chat/completions", body: { model: "gpt-5", messages: [{ role: "user", content: "Hello" }] } },
  responses: { path: "/v1/responses", body: { model: "gpt-5", input: "Hello" } },
  messages: {
    path: "/anthropic/v1/messages",
    body: { model: "claude-sonnet-4-5", max_tokens: 1000, messages: [{ role: "user", content: "Hello" }] },
  },
  gemini: {
    path: "/v1beta/models/gemini-2.5-flash:generateContent",
    body: { contents: [{ role: "user", parts: [{ text: "Hello" }] }] },
  },
} as const;
type Dialect = keyof typeof dialects;

function ask(dialect: Dialect, more: Json = {}, signal: AbortSignal | null = null): Promise<Response> {
  const { path, body } = dialects[dialect];
  const stream = more["stream"] === true;
  const { stream: _, ...fields } = more;
  const streamPath = path.replace(":generateContent", ":streamGenerateContent?alt=sse");
  return fetch(gateway.url + (stream ? streamPath : path), {
    method: "POST",
    signal,
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    body: JSON.stringify({ ...body, ...fields, ...(stream && dialect !== "gemini" ? { stream } : {}) }),
  });
}

/** The row of the request that `ends`. */
async function rowOf(ends: () => Promise<unknown>): Promise<UsageRow> {
  const known = (await gateway.rows()).length;
  await ends();
  for (let tries = 0; tries < 200; tries++) {
    const row = (await gateway.rows())[known];
    if (row !== undefined) return row;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("The request has left no row.");
}

const tenWords = "the quick brown fox jumps over the lazy dog today ";
const id = { id: "c", object: "chat.completion.chunk", created: 1, model: "gpt-5" };
const events: Readonly<Record<Dialect, { open: string; piece: (text: string) => string; end: string }>> = {
  chat: {
    open: "",
    piece: (content) => sse({ ...id, choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
    end: `${sse({ ...id, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}data: [DONE]\n\n`,
  },
  responses: {
    open: sse({ type: "response.created", response: { id: "resp_1", model: "gpt-5", status: "in_progress" } }),
    piece: (delta) => sse({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta }),
    end: sse({ type: "response.completed", response: { id: "resp_1", model: "gpt-5", status: "completed", output: [] } }),
  },
  messages: {
    open: sse({ type: "message_start", message: { id: "msg_1", type: "message", model: "claude-sonnet-4-5", content: [] } }),
    piece: (text) => sse({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
    end: sse({ type: "message_delta", delta: { stop_reason: "end_turn" } }) + sse({ type: "message_stop" }),
  },
  gemini: {
    open: "",
    piece: (text) => sse({ candidates: [{ content: { parts: [{ text }], role: "model" } }] }),
    end: sse({ candidates: [{ content: { parts: [], role: "model" }, finishReason: "STOP" }] }),
  },
};

function sse(data: Json): string {
  return `${typeof data["type"] === "string" ? `event: ${data["type"]}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
}

const isNear = (actual: number | null, expected: number): boolean => actual! >= expected * 0.75 && actual! <= expected * 1.35;

for (const dialect of Object.keys(dialects) as Dialect[]) {
  test(`${dialect}: a stream of ten words an event that its client leaves after five events is charged for fifty words`, async () => {
    const { open, piece } = events[dialect];
    const closed = Promise.withResolvers<void>();
    answer = (response) => {
      response.on("close", closed.resolve);
      response.writeHead(200, { "content-type": "text/event-stream" }).write(open + piece(tenWords).repeat(5));
    };
    const row = await rowOf(async () => {
      const leaving = new AbortController();
      const reply = await ask(dialect, { stream: true }, leaving.signal);
      await reply.body!.getReader().read();
      leaving.abort();
      await closed.promise;
    });
    assert.deepEqual([row.status, row.usage_source], ["cancelled", "estimated"]);
    assert.ok(isNear(row.output_tokens, 55), `${row.output_tokens}`);
  });

  test(`${dialect}: a whole stream without usage is charged for its words, however few its events are`, async () => {
    const { open, piece, end } = events[dialect];
    answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).end(open + piece(tenWords.repeat(40)) + end);
    };
    const row = await rowOf(async () => (await ask(dialect, { stream: true })).text());
    assert.deepEqual([row.status, row.usage_source], ["ok", "estimated"]);
    assert.ok(isNear(row.output_tokens, 450), `${row.output_tokens}`);
  });
}

/** Where each dialect reports its counts: input, output and their parts. */
const usages: Readonly<Record<Dialect, Json>> = {
  chat: {
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
    completion_tokens_details: { reasoning_tokens: 1 },
  },
  responses: {
    input_tokens: 10,
    output_tokens: 5,
    input_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
    output_tokens_details: { reasoning_tokens: 1 },
  },
  messages: {
    input_tokens: 10,
    output_tokens: 5,
    cache_read_input_tokens: 2,
    cache_creation_input_tokens: 1,
    cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 1 },
    output_tokens_details: { thinking_tokens: 1 },
  },
  gemini: {
    promptTokenCount: 10,
    candidatesTokenCount: 5,
    thoughtsTokenCount: 1,
    cachedContentTokenCount: 2,
    toolUsePromptTokenCount: 1,
  },
};

/** The same usage with each of its counts in turn replaced. */
function withEach(usage: Json, value: unknown): Json[] {
  return Object.entries(usage).flatMap(([key, count]) =>
    typeof count === "number" ? [{ ...usage, [key]: value }] : withEach(count as Json, value).map((inner) => ({ ...usage, [key]: inner })),
  );
}

/** An answer of the dialect, in the form that was asked for. */
function answerWith(dialect: Dialect, usage: Json, stream: boolean): (response: ServerResponse) => void {
  const { open, piece } = events[dialect];
  const content = [{ type: "output_text", text: "Hi", annotations: [] }];
  const message = { type: "message", id: "msg_1", role: "assistant", status: "completed", content };
  const response = { id: "resp_1", object: "response", model: "gpt-5", status: "completed", output: [message], usage };
  const text = { type: "text", text: "Hi" };
  const candidates = [{ content: { parts: [{ text: "Hi" }], role: "model" }, finishReason: "STOP" }];
  const wholes: Readonly<Record<Dialect, Json>> = {
    chat: {
      ...id,
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
      usage,
    },
    responses: response,
    messages: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5",
      content: [text],
      stop_reason: "end_turn",
      usage,
    },
    gemini: { candidates, usageMetadata: usage, modelVersion: "gemini-2.5-flash" },
  };
  const ends: Readonly<Record<Dialect, string>> = {
    chat: sse({ ...id, choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage }) + "data: [DONE]\n\n",
    responses: sse({ type: "response.completed", response }),
    messages: sse({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage }) + sse({ type: "message_stop" }),
    gemini: sse(wholes.gemini),
  };
  return (reply) => {
    if (stream) reply.writeHead(200, { "content-type": "text/event-stream" }).end(open + piece("Hi") + ends[dialect]);
    else reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(wholes[dialect]));
  };
}

for (const dialect of Object.keys(dialects) as Dialect[]) {
  test(`${dialect}: a count that no such request can have is clamped to what it can hold, whichever it is, and marked as an estimate`, async () => {
    for (const stream of [false, true]) {
      for (const usage of [...withEach(usages[dialect], 1e12), ...withEach(usages[dialect], 2_000_000)]) {
        answer = answerWith(dialect, usage, stream);
        const row = await rowOf(async () => (await ask(dialect, { stream })).text());
        const where = JSON.stringify([stream, usage, row]);
        // A part may be far above its whole, and is cut to it.
        const total = row.input_tokens! + row.output_tokens!;
        assert.ok(total > 0 && total < 3000 && Number(row.cost_nano_usd) < 30_000_000, where);
        if (total > 30) assert.equal(row.usage_source, "estimated", where);
      }
    }
  });

  test(`${dialect}: an invalid count is estimated, and the other counts are as reported`, async () => {
    for (const stream of [false, true]) {
      for (const value of [-5, "7", 1.5, null, {}, -1e12, 1e300]) {
        for (const usage of withEach(usages[dialect], value)) {
          answer = answerWith(dialect, usage, stream);
          const row = await rowOf(async () => (await ask(dialect, { stream })).text());
          const where = JSON.stringify([stream, usage, row]);
          assert.ok(row.input_tokens! > 0 && row.input_tokens! < 60 && row.output_tokens! > 0 && row.output_tokens! <= 60, where);
          assert.ok(Number(row.cost_nano_usd) > 0, where);
        }
      }
    }
  });

  test(`${dialect}: an honest usage stays as it is, where its provider keeps a part of the prompt, runs tools, or hides its reasoning`, async () => {
    const large = { chat: [900_000, 120_000], responses: [900_000, 120_000], messages: [900_000, 120_000], gemini: [900_000, 60_000] }[
      dialect
    ];
    const [input, output] = Object.keys(usages[dialect]) as [string, string];
    const usage = { [input]: large[0], [output]: large[1] };
    answer = answerWith(dialect, usage, false);
    const fields = {
      previous_response_id: undefined,
      container: "file_id",
      cachedContent: "cachedContents/1",
      metadata: { file_id: "file-1" },
    };
    const row = await rowOf(async () => (await ask(dialect, fields)).text());
    assert.deepEqual([row.input_tokens, row.output_tokens, row.usage_source], [...large, "reported"]);
  });
}

test("a whole JSON answer without usage is charged for its words, not for what is around them", async () => {
  answer = (response) => {
    const message = { role: "assistant", content: tenWords.repeat(40), annotations: Array.from({ length: 300 }, () => ({ type: "none" })) };
    const body = { ...id, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const row = await rowOf(async () => (await ask("chat")).text());
  assert.deepEqual([row.status, row.usage_source], ["ok", "estimated"]);
  assert.ok(isNear(row.output_tokens, 400), `${row.output_tokens}`);
});

test("a picture of 3.6 MB as a data URL is served on a budget of a dollar", async () => {
  const rich = await gateway.createKey("picture");
  const reply = await fetch(`${gateway.url}/api/v1/budgets`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    body: JSON.stringify({ user: "picture", period: "month", stop_usd: "1" }),
  });
  assert.equal(reply.status, 200);
  const png = Buffer.alloc(2_700_000, "some noise");
  Buffer.from("89504e470d0a1a0a0000000d4948445200000400000003000802000000", "hex").copy(png);
  const url = `data:image/png;base64,${png.toString("base64")}`;
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url } },
  ];
  answer = (response) => {
    const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
    const message = { role: "assistant", content: "A picture." };
    const body = { ...id, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }], usage };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const row = await rowOf(async () => {
    const served = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${rich.key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content }] }),
    });
    assert.equal(served.status, 200, await served.text());
  });
  assert.deepEqual([row.input_tokens, row.output_tokens, Number(row.cost_nano_usd)], [1000, 100, 2_250_000]);
});

test("a class of service without a price of its own counts at the standard price, twice that for priority, and never at the ceiling of unpriced models", async () => {
  for (const [tier, factor] of [
    ["flex", 1],
    ["batch", 1],
    ["priority", 2],
  ] as const) {
    const budget = async (body: Json): Promise<{ spent_usd: string }> => {
      const reply = await fetch(`${gateway.url}/api/v1/budgets`, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.adminKey}` },
        body: JSON.stringify({ user: tier, period: "month", ...body }),
      });
      return (await reply.json()) as { spent_usd: string };
    };
    const user = await gateway.createKey(tier);
    const send = (max_tokens: number): Promise<Response> =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${user.key}`, "content-type": "application/json" },
        body: JSON.stringify({ ...dialects.chat.body, service_tier: tier, max_tokens }),
      });
    // A thousand tokens cost a cent at the standard price; the prompt costs next to nothing.
    await budget({ stop_usd: "0.0201" });
    if (tier === "priority") assert.equal((await send(1100)).status, 402);
    const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
    answer = (response) => {
      const choices = [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }];
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ ...id, object: "chat.completion", choices, usage, service_tier: tier }));
    };
    assert.equal((await send(2000 / factor - 100)).status, 200, tier);
    await gateway.rows();
    const spent = Number((await budget({ stop_usd: "1" })).spent_usd);
    assert.ok(spent > 0 && spent <= 0.00225 * factor, `${tier}: ${spent}`);
  }
});
