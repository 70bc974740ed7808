import assert from "node:assert/strict";
import type { Protocol } from "../testbed/scenario.ts";

/** What a client of a dialect sends and how it reads what comes back. */
export interface Dialect {
  readonly id: Protocol;
  /** As in `withMockUpstream`. */
  readonly model: string;
  readonly path: (stream: boolean, model?: string) => string;
  readonly body: (stream: boolean, text?: string, model?: string) => string;
  /** Code and message of an error body. Fails where the body has not exactly the dialect's shape. */
  readonly readError: (body: unknown, status: number, requestId: string | undefined) => ErrorSeen;
  /** The error among a stream's events, if there is one. */
  readonly readStreamError: (events: readonly Record<string, unknown>[], requestId: string | undefined) => ErrorSeen | undefined;
  /** Whether the data of an event is what a client takes for the good end of an answer. */
  readonly isTerminal: (data: string) => boolean;
}

export interface ErrorSeen {
  readonly code: string;
  readonly message: string;
}

type JsonMap = Record<string, unknown>;

export const dialects: readonly Dialect[] = [
  {
    id: "openai-chat",
    model: "gpt-mock",
    path: () => "/v1/chat/completions",
    body: (stream, text = "hi", model = "gpt-mock") =>
      JSON.stringify({
        model,
        messages: [{ role: "user", content: text }],
        ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
      }),
    readError: readOpenAIError,
    readStreamError: (events) => {
      const event = events.find((candidate) => candidate["error"] !== undefined);
      return event && readOpenAIError(event);
    },
    isTerminal: (data) => data === "[DONE]",
  },
  {
    id: "openai-responses",
    model: "gpt-mock",
    path: () => "/v1/responses",
    body: (stream, text = "hi", model = "gpt-mock") => JSON.stringify({ model, input: text, ...(stream ? { stream: true } : {}) }),
    readError: readOpenAIError,
    readStreamError: (events) => {
      const failed = events.find(({ type }) => type === "response.failed");
      if (failed !== undefined) {
        const { status, error } = failed["response"] as { status: string; error: { code: string; message: string } };
        assert.equal(status, "failed");
        return { code: error.code, message: error.message };
      }
      const event = events.find(({ type }) => type === "error");
      return event && { code: String(event["code"]), message: String(event["message"]) };
    },
    isTerminal: (data) => /"type":"response\.(completed|incomplete)"/.test(data),
  },
  {
    id: "anthropic-messages",
    model: "claude-mock",
    path: () => "/v1/messages",
    body: (stream, text = "hi", model = "claude-mock") =>
      JSON.stringify({ model, max_tokens: 100, messages: [{ role: "user", content: text }], ...(stream ? { stream: true } : {}) }),
    readError: readAnthropicError,
    readStreamError: (events, requestId) => {
      const event = events.find(({ type }) => type === "error");
      return event && readAnthropicError(event, 200, requestId);
    },
    isTerminal: (data) => data.includes('"type":"message_stop"'),
  },
  {
    id: "gemini-generate",
    model: "gemini-mock",
    path: (stream, model = "gemini-mock") => `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: (_stream, text = "hi") => JSON.stringify({ contents: [{ role: "user", parts: [{ text }] }] }),
    readError: (body, status) => readGeminiError(body, status),
    readStreamError: (events) => {
      const event = events.find((candidate) => candidate["error"] !== undefined);
      return event && readGeminiError(event);
    },
    isTerminal: (data) => data.includes('"finishReason"'),
  },
];

function readOpenAIError(body: unknown): ErrorSeen {
  const { error, ...rest } = body as { error: JsonMap };
  assert.deepEqual(rest, {});
  assert.deepEqual(Object.keys(error).toSorted(), ["code", "message", "param", "type"]);
  assert.equal(typeof error["type"], "string");
  return { code: String(error["code"]), message: String(error["message"]) };
}

function readAnthropicError(body: unknown, _status: number, requestId: string | undefined): ErrorSeen {
  const { type, error, request_id: id } = body as { type: string; error: JsonMap; request_id: string };
  assert.equal(type, "error");
  assert.equal(id, requestId);
  assert.equal(typeof error["type"], "string");
  const details = error["details"] as JsonMap | undefined;
  return { code: String(details?.["error_code"] ?? error["type"]), message: String(error["message"]) };
}

function readGeminiError(body: unknown, status?: number): ErrorSeen {
  const { error } = body as { error: JsonMap };
  if (status !== undefined) assert.equal(error["code"], status);
  assert.equal(typeof error["code"], "number");
  assert.equal(typeof error["status"], "string");
  const detail = (error["details"] as JsonMap[] | undefined)?.find((entry) => entry["reason"] !== undefined);
  return { code: String(detail?.["reason"] ?? error["status"]), message: String(error["message"]) };
}
