import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { latin1OfUtf8, SseSplitter } from "../../src/core/index.ts";
import { collect, type ChatResponse, type StreamEvent } from "../../src/ir/index.ts";
import { protocols, type Protocol } from "../../src/protocols/index.ts";
import { chatServers, type ChatServer } from "../testbed/chat-servers/index.ts";
import type { JsonObject } from "../testbed/json.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { call, shown, thought } from "./shown-reasoning.ts";

const chat = protocols.get("openai-chat")!.upstream;
const words = ["It is ", "sunny ✓."];
const head = { id: "c1", model: "m", created: 1 };
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };

/** Where a server reports the usage: Groq also in the last chunk of a stream, Moonshot in the choice. */
function withUsage({ name }: ChatServer, stream: boolean, choice: JsonObject): JsonObject {
  if (name === "groq" && stream) return { ...head, choices: [choice], x_groq: { id: "req_1", usage } };
  if (name === "moonshot" && stream) return { ...head, choices: [{ ...choice, usage }] };
  return { ...head, choices: [choice], usage };
}

/** An answer of the server with reasoning, and a text or a call, as the gateway reads it. */
function read(server: ChatServer, stream: boolean, hasCall: boolean): readonly StreamEvent[] | ChatResponse {
  const { whole, pieces } = shown(server);
  const finish = { index: 0, finish_reason: hasCall ? "tool_calls" : "stop" };
  if (!stream) {
    // Mistral shows its reasoning among the parts of the text.
    const parts = Array.isArray(whole["content"]) ? [...whole["content"], { type: "text", text: words.join("") }] : words.join("");
    const message = { role: "assistant", ...whole, ...(hasCall ? { tool_calls: [call] } : { content: parts }) };
    return chat.parseResponse(JSON.stringify(withUsage(server, stream, { ...finish, message })));
  }
  const last = hasCall ? [{ tool_calls: [{ index: 0, ...call }] }] : words.map((content) => ({ content }));
  const deltas: readonly JsonObject[] = [{ role: "assistant", content: "" }, ...pieces, ...last];
  const chunks = [
    ...deltas.map((delta) => ({ ...head, choices: [{ index: 0, delta, finish_reason: null }] })),
    withUsage(server, stream, { ...finish, delta: {} }),
  ];
  const text = `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`;
  return decoded(chat, text);
}

function decoded(upstream: Protocol["upstream"], text: string): readonly StreamEvent[] {
  const decoder = upstream.createStreamDecoder();
  const events = new SseSplitter().push(latin1OfUtf8(text)).flatMap((event) => decoder.push(event));
  return [...events, ...decoder.end()];
}

/** The answer in the client's dialect, read by its rules. */
function got(dialect: Protocol, answer: readonly StreamEvent[] | ChatResponse, stream: boolean): ChatResponse {
  const client = {
    model: "m",
    includeUsage: true,
    jsonArray: false,
    request: { model: "m", stream, messages: [], reasoning: { visibility: "summary" as const } },
  };
  if (!("content" in answer)) {
    const encoder = dialect.createStreamEncoder(client);
    return collect(decoded(dialect.upstream, answer.map((event) => encoder.push(event)).join("")));
  }
  return dialect.upstream.parseResponse(dialect.renderResponse(answer, client));
}

suite("clients of all dialects get the answers of servers that speak Chat and are not OpenAI", () => {
  for (const server of chatServers) {
    test(server.name, () => {
      for (const id of PROTOCOLS) {
        for (const stream of [false, true]) {
          for (const hasCall of [false, true]) {
            const { content, stopReason, usage: counts } = got(protocols.get(id)!, read(server, stream, hasCall), stream);
            const seen = content.map((block) => {
              if (block.type === "reasoning") return { type: block.type, text: block.text };
              if (block.type === "tool-call") return { type: block.type, id: block.id, name: block.name, arguments: block.arguments };
              return block;
            });
            const end = hasCall
              ? { type: "tool-call", id: call.id, name: call.function.name, arguments: call.function.arguments }
              : { type: "text", text: words.join("") };
            assert.deepEqual(
              { content: seen, stopReason, usage: { input: counts.input, output: counts.output } },
              {
                content: [{ type: "reasoning", text: thought }, end],
                stopReason: hasCall ? "tool-calls" : "stop",
                usage: { input: 11, output: 7 },
              },
              `${id}, ${stream ? "streamed" : "whole"}, ${hasCall ? "a call" : "a text"}`,
            );
          }
        }
      }
    });
  }
});
