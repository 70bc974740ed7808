import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { formatUsd } from "../../src/ledger/index.ts";
import type { TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

type Json = Record<string, unknown>;

/** What the vendor answers, one after the other, then the last one again. */
let turns: readonly Turn[] = [];
let sent: Json[] = [];
let upstream: Server;
let gateway: TestGateway;
let key: string;

interface Turn {
  readonly blocks: readonly Json[];
  readonly end: "pause_turn" | "end_turn";
  readonly usage: Json;
  readonly container?: string;
  /** An error in place of an answer. */
  readonly status?: number;
  /** The connection breaks after the first block. */
  readonly isCut?: boolean;
}

const sse = (value: Json): string => `event: ${String(value["type"])}\ndata: ${JSON.stringify(value)}\n\n`;

function messageOf({ blocks, end, usage, container }: Turn): Json {
  const id = container === undefined ? null : { id: container, expires_at: "2026-11-30T00:00:00Z" };
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-opus-4-8",
    content: blocks,
    stop_reason: end,
    container: id,
    usage,
  };
}

/** As the vendor streams it: texts in two deltas, inputs of calls in two, the results of its tools in one piece. */
function eventsOf(turn: Turn): string[] {
  const { content, usage, stop_reason, container, ...message } = messageOf(turn) as { content: Json[]; usage: Json } & Json;
  const { output_tokens, server_tool_use, ...input } = usage;
  const events = [
    sse({ type: "message_start", message: { ...message, content: [], stop_reason: null, usage: { ...input, output_tokens: 1 } } }),
  ];
  for (const [index, block] of content.entries()) {
    const delta = (value: Json): number => events.push(sse({ type: "content_block_delta", index, delta: value }));
    const { text, input: args, thinking, signature, ...rest } = block;
    const start = { ...rest, ...(text === undefined ? {} : { text: "" }), ...(args === undefined ? {} : { input: {} }) };
    events.push(
      sse({
        type: "content_block_start",
        index,
        content_block: thinking === undefined ? start : { ...start, thinking: "", signature: "" },
      }),
    );
    if (thinking !== undefined) {
      delta({ type: "thinking_delta", thinking });
      delta({ type: "signature_delta", signature });
    }
    for (const half of typeof text === "string" ? halves(text) : []) delta({ type: "text_delta", text: half });
    for (const half of args === undefined ? [] : halves(JSON.stringify(args))) delta({ type: "input_json_delta", partial_json: half });
    events.push(sse({ type: "content_block_stop", index }));
  }
  return [
    ...events,
    sse({ type: "message_delta", delta: { stop_reason, stop_sequence: null, container }, usage: { output_tokens, server_tool_use } }),
    sse({ type: "message_stop" }),
  ];
}

function halves(text: string): string[] {
  return [text.slice(0, text.length / 2), text.slice(text.length / 2)];
}

before(async () => {
  upstream = createServer((request, answer) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.method === "GET") return void answer.writeHead(404).end();
      const body = JSON.parse(Buffer.concat(parts).toString()) as Json;
      const turn = turns[Math.min(sent.length, turns.length - 1)]!;
      sent.push(body);
      if (turn.status !== undefined)
        return void answer
          .writeHead(turn.status, { "content-type": "application/json" })
          .end('{"type":"error","error":{"type":"overloaded_error","message":"busy"}}');
      if (body["stream"] !== true)
        return void answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(messageOf(turn)));
      const events = eventsOf(turn);
      answer.writeHead(200, { "content-type": "text/event-stream" });
      if (turn.isCut !== true) return void answer.end(events.join(""));
      answer.write(events.slice(0, 4).join(""), () => answer.destroy());
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await startGateway({ config: `providers:\n  anthropic: { api_key: k, base_url: "${url}" }\n` });
  key = (await gateway.createKey("searcher")).key;
});
beforeEach(() => {
  sent = [];
});
after(async () => {
  await gateway.stop();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

const model = "claude-opus-4-8";
const messages = [{ role: "user", content: "Search." }];
/** A request with the vendor's search in each other dialect. */
const dialects = {
  chat: (stream: boolean) => [
    "/v1/chat/completions",
    { model, messages, web_search_options: {}, stream, stream_options: { include_usage: true } },
  ],
  responses: (stream: boolean) => ["/v1/responses", { model, input: "Search.", tools: [{ type: "web_search" }], stream }],
  gemini: (stream: boolean) => [
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "Search." }] }], tools: [{ googleSearch: {} }] },
  ],
} as const;
type Dialect = keyof typeof dialects;

interface Seen {
  readonly text: string;
  readonly end: unknown;
}

async function ask(dialect: Dialect, stream: boolean): Promise<Seen> {
  const [path, body] = dialects[dialect](stream);
  const answer = await fetch(gateway.url + (path as string), {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const pieces = stream
    ? text.split(/\r?\n\r?\n/).flatMap((event) => {
        const data = /^data: (\{.*)$/m.exec(event)?.[1];
        return data === undefined ? [] : [JSON.parse(data) as never];
      })
    : [JSON.parse(text) as never];
  return readers[dialect](pieces);
}

type Parts = readonly { readonly text?: string; readonly type?: string; readonly content?: Parts }[];
interface Piece {
  readonly choices?: readonly { readonly message?: Text; readonly delta?: Text; readonly finish_reason?: string | null }[];
  readonly response?: ResponseSeen;
  readonly candidates?: readonly { readonly content?: { readonly parts?: Parts }; readonly finishReason?: string }[];
}
interface Text {
  readonly content?: string | null;
}
interface ResponseSeen {
  readonly output: Parts;
  readonly status: string;
  readonly incomplete_details: { readonly reason: string } | null;
}

const textOf = (parts: Parts = []): string => parts.map((part) => part.text ?? "").join("");
const readers: Readonly<Record<Dialect, (pieces: readonly Piece[]) => Seen>> = {
  chat: (pieces) => {
    const choices = pieces.flatMap((piece) => piece.choices ?? []);
    return {
      text: choices.map((choice) => choice.message?.content ?? choice.delta?.content ?? "").join(""),
      end: choices.map((choice) => choice.finish_reason).findLast((reason) => typeof reason === "string"),
    };
  },
  responses: (pieces) => {
    const { output, status, incomplete_details: details } = pieces.at(-1)!.response ?? (pieces[0] as unknown as ResponseSeen);
    return {
      text: textOf(output.filter(({ type }) => type === "message").flatMap((item) => item.content ?? [])),
      end: details?.reason ?? status,
    };
  },
  gemini: (pieces) => {
    const candidates = pieces.flatMap((piece) => piece.candidates ?? []);
    return {
      text: textOf(candidates.flatMap((candidate) => candidate.content?.parts ?? [])),
      end: candidates.map((candidate) => candidate.finishReason).findLast((reason) => typeof reason === "string"),
    };
  },
};

const thinking = { type: "thinking", thinking: "Look it up.", signature: "c2ln" };
const call = (query: string): Json => ({
  type: "server_tool_use",
  id: `srvtoolu_${query}`,
  name: "web_search",
  input: { query, big: 1.0 },
});
const result = (query: string): Json => ({ type: "web_search_tool_result", tool_use_id: `srvtoolu_${query}`, content: [] });
const said = (words: string): Json => ({ type: "text", text: words });
const usage = (input: number, output: number, searches: number): Json => ({
  input_tokens: input,
  output_tokens: output,
  server_tool_use: { web_search_requests: searches, web_fetch_requests: 0 },
});
const forms = (Object.keys(dialects) as Dialect[]).flatMap((dialect) => [false, true].map((stream) => [dialect, stream] as const));
const cut = { chat: "length", responses: "max_output_tokens", gemini: "MAX_TOKENS" } as const;
const whole = { chat: "stop", responses: "completed", gemini: "STOP" } as const;

test("an answer that pauses twice is gone on with, and reaches the clients of other dialects as one", async () => {
  turns = [
    { blocks: [thinking, said("First. "), call("a")], end: "pause_turn", usage: usage(1000, 100, 1), container: "container_1" },
    { blocks: [result("a"), said("Second. "), call("b"), result("b")], end: "pause_turn", usage: usage(2000, 50, 2) },
    { blocks: [said("Third.")], end: "end_turn", usage: usage(3000, 10, 0) },
  ];
  for (const [dialect, stream] of forms) {
    sent = [];
    assert.deepEqual(await ask(dialect, stream), { text: "First. Second. Third.", end: whole[dialect] }, `${dialect} ${stream}`);
    const [first, second, third] = sent as [Json, Json, Json];
    assert.equal(sent.length, 3);
    const { messages: asked, ...rest } = first as { messages: Json[] } & Json;
    const first3 = [thinking, said("First. "), call("a")];
    const next4 = [result("a"), said("Second. "), call("b"), result("b")];
    assert.deepEqual(second, { ...rest, container: "container_1", messages: [...asked, { role: "assistant", content: first3 }] });
    assert.deepEqual(third, {
      ...rest,
      container: "container_1",
      messages: [...asked, { role: "assistant", content: [...first3, ...next4] }],
    });
    await gateway.gateway.ledger.flush();
    const [row] = await gateway.sql("select * from usage_entries order by rowid desc limit 1");
    const { input_tokens: input, output_tokens: output, cost_nano_usd: cost, status, attempt, stop_reason: stop, units } = row!;
    // 6,000 tokens in, 160 out, three searches, each turn at its own rate: 0.03 + 0.004 + 0.03.
    assert.deepEqual([input, output, formatUsd(BigInt(cost as number)), status, attempt, stop], [6000, 160, "0.064", "ok", 1, "end_turn"]);
    assert.equal((JSON.parse(units as string) as { web_search: number }).web_search, 3);
  }
});

test("an answer that is not gone on with, as the vendor fails or pauses without end, reaches the client as far as it came, as one that is cut short", async () => {
  const paused: Turn = { blocks: [said("First. "), call("a")], end: "pause_turn", usage: usage(1000, 100, 1) };
  for (const [dialect, stream] of forms) {
    turns = [paused, { ...paused, status: 529 }];
    sent = [];
    assert.deepEqual(await ask(dialect, stream), { text: "First. ", end: cut[dialect] }, `${dialect} ${stream}`);
    assert.equal(sent.length, 2);
  }
  turns = [paused, { ...paused, blocks: [said("Second. ")], usage: usage(2000, 50, 0), isCut: true }];
  sent = [];
  assert.deepEqual(await ask("chat", true), { text: "First. Second. ", end: "length" });
  await gateway.gateway.ledger.flush();
  const rows = await gateway.sql("select input_tokens, output_tokens, status from usage_entries order by rowid desc limit 2");
  // The turn that was cut has reported its prompt; one that the vendor refused cost nothing.
  assert.deepEqual(
    rows.map((row) => [row["input_tokens"], row["status"]]),
    [
      [3000, "ok"],
      [1000, "ok"],
    ],
  );
  turns = [paused];
  for (const stream of [false, true]) {
    sent = [];
    assert.deepEqual(await ask("chat", stream), { text: "First. ".repeat(9), end: "length" });
    assert.equal(sent.length, 9);
  }
});

test("a client of the vendor's own dialect gets the pause, and a request without the vendor's tools is not watched", async () => {
  turns = [{ blocks: [said("First. ")], end: "pause_turn", usage: usage(1000, 100, 0) }];
  const post = async (path: string, body: Json): Promise<Json> =>
    (await (
      await fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) })
    ).json()) as Json;
  const tools = [{ type: "web_search_20250305", name: "web_search" }];
  assert.equal((await post("/v1/messages", { model, max_tokens: 100, messages, tools }))["stop_reason"], "pause_turn");
  const plain = (await post("/v1/chat/completions", { model, messages })) as { choices: [{ finish_reason: string }] };
  assert.equal(plain.choices[0].finish_reason, "length");
  assert.equal(sent.length, 2);
});
