import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SseSplitter, asBytes } from "../../src/core/index.ts";
import {
  AnswerSealer,
  EventSealer,
  returnProofs,
  sealBlocks,
  type ProofContent,
  type ProofOrigin,
} from "../../src/gateway/proofs/index.ts";
import { collect, type ChatRequest, type ChatResponse } from "../../src/ir/index.ts";
import { protocols, ServerQuirks, type RouteCall } from "../../src/protocols/index.ts";
import { findPreset } from "../../src/upstream/index.ts";
import { chatServers, type ChatServer } from "../testbed/chat-servers/index.ts";
import { asObject, asObjects, type JsonObject } from "../testbed/json.ts";
import type { Protocol } from "../testbed/scenario.ts";
import { call, details, shown, thought } from "./shown-reasoning.ts";

const chat = protocols.get("openai-chat")!.upstream;
/** What the message has to carry when it comes back. */
function expected({ reasoning }: ChatServer): JsonObject {
  switch (reasoning) {
    case "reasoning_details":
      return { content: null, reasoning_details: details };
    case "thinking":
      return { content: [{ type: "thinking", thinking: [{ type: "text", text: thought }] }] };
    case "reasoning_content":
    case "reasoning":
      return { content: null, [reasoning]: thought };
  }
}

const seal = (content: ProofContent): string => `tokligence01${Buffer.from(JSON.stringify(content)).toString("base64")}`;
const open = (sealed: string): ProofContent | undefined =>
  sealed.startsWith("tokligence01") ? (JSON.parse(Buffer.from(sealed.slice(12), "base64").toString()) as ProofContent) : undefined;

/** The server's answer as the client of a dialect gets it. */
function answered(
  server: ChatServer,
  dialect: Protocol,
  origin: ProofOrigin,
  stream: boolean,
): { answer: JsonObject; sealer: AnswerSealer } {
  const { whole, pieces } = shown(server);
  const sealer = new AnswerSealer({ carrier: protocols.get(dialect)!.proofs, origin, seal });
  const head = { id: "c1", model: "m", created: 1 };
  const end = { finish_reason: "tool_calls" };
  let response: ChatResponse;
  if (stream) {
    const chunks = [...pieces, { tool_calls: [{ index: 0, ...call }] }].map((delta) => ({ ...head, choices: [{ index: 0, delta }] }));
    const text = [...chunks, { ...head, choices: [{ index: 0, delta: {}, ...end }] }].map((each) => `data: ${JSON.stringify(each)}\n\n`);
    const decoder = chat.createStreamDecoder();
    const events = new EventSealer(sealer);
    const all = new SseSplitter().push(asBytes(`${text.join("")}data: [DONE]\n\n`)).flatMap((event) => decoder.push(event));
    response = collect(all.flatMap((event) => events.push(event)));
  } else {
    const message = { role: "assistant", ...whole, tool_calls: [call] };
    const parsed = chat.parseResponse(JSON.stringify({ ...head, choices: [{ index: 0, message, ...end }] }));
    response = { ...parsed, content: sealBlocks(parsed.content, sealer) };
  }
  const request: ChatRequest = { model: "m", stream: false, messages: [] };
  const client = { model: "m", includeUsage: true, jsonArray: false, request };
  return { answer: JSON.parse(protocols.get(dialect)!.renderResponse(response, client)) as JsonObject, sealer };
}

/** The client's next request: what it was given, and the result of the call. */
function nextRequest(dialect: Protocol, answer: JsonObject): JsonObject {
  const ask = "How is the weather?";
  switch (dialect) {
    case "anthropic-messages":
      return {
        max_tokens: 100,
        messages: [
          { role: "user", content: ask },
          { role: "assistant", content: answer["content"] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "Sunny." }] },
        ],
      };
    case "openai-responses":
      return {
        input: [
          { role: "user", content: ask },
          ...asObjects(answer["output"]),
          { type: "function_call_output", call_id: call.id, output: "Sunny." },
        ],
      };
    case "gemini-generate":
      return {
        contents: [
          { role: "user", parts: [{ text: ask }] },
          asObject(asObject(asObjects(answer["candidates"])[0])["content"]),
          { role: "user", parts: [{ functionResponse: { id: call.id, name: "get_weather", response: { output: "Sunny." } } }] },
        ],
      };
    case "openai-chat":
      throw new Error("A client of Chat is not translated.");
  }
}

/** What goes to a provider when the client goes on. */
function sentOn(server: ChatServer, dialect: Protocol, { answer, sealer }: ReturnType<typeof answered>, origin: ProofOrigin): JsonObject {
  const protocol = protocols.get(dialect)!;
  const route = protocol.routes.find(({ operation }) => operation === "generate")!;
  const [model] = server.models;
  const routeCall: RouteCall = { route, param: model!, query: "" };
  const request = protocol.parseRequest({ model: model!, ...nextRequest(dialect, answer) }, routeCall);
  const kept = new Map(sealer.kept.map(({ callId, sealed }) => [callId, sealed]));
  const returned = returnProofs(request, { carrier: protocol.proofs, upstreamSignsCalls: false, origin, open, kept });
  const quirks = new ServerQuirks(findPreset(server.name)!.quirks).of(model!);
  return JSON.parse(chat.renderRequest(returned.request, { model: model!, stream: false, quirks }).value) as JsonObject;
}

suite("reasoning goes back to the server that made it, as it came (report 811)", () => {
  for (const server of chatServers) {
    test(server.name, () => {
      const origin: ProofOrigin = { provider: server.name, protocol: "openai-chat", family: "m" };
      for (const dialect of ["anthropic-messages", "openai-responses", "gemini-generate"] as const) {
        for (const stream of [false, true]) {
          const body = sentOn(server, dialect, answered(server, dialect, origin, stream), origin);
          assert.equal(server.refuse(body), undefined, JSON.stringify(server.refuse(body)));
          const { role, tool_calls: calls, ...rest } = asObjects(body["messages"]).find((message) => message["tool_calls"] !== undefined)!;
          assert.equal(role, "assistant");
          assert.equal(asObjects(calls).length, 1);
          const { content } = expected(server);
          // MiniMax wants "" where others have null.
          assert.deepEqual({ ...rest, content: rest["content"] === "" ? null : rest["content"] }, { ...expected(server), content });
        }
      }
    });
  }

  test("another server does not get it", () => {
    const [one, other] = [chatServers.find(({ name }) => name === "openrouter")!, chatServers.find(({ name }) => name === "groq")!];
    const from: ProofOrigin = { provider: "openrouter", protocol: "openai-chat", family: "m" };
    const body = sentOn(other, "anthropic-messages", answered(one, "anthropic-messages", from, false), { ...from, provider: "groq" });
    assert.equal(JSON.stringify(body).includes(thought), false);
    assert.equal(other.refuse(body), undefined);
  });
});
