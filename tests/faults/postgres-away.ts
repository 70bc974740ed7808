import { waitUntil } from "../testbed/wait-until.ts";

/** What a request got, and in what time. */
export interface Outcome {
  readonly name: string;
  readonly status: number;
  /** The error's code, its type (Anthropic) or its status (Gemini); `undefined`: there was no error. */
  readonly error: string | undefined;
  readonly requestId: string;
  readonly tookMs: number;
  readonly body: string;
}

export interface Ask {
  readonly name: string;
  readonly method?: "GET" | "DELETE";
  readonly path: string;
  readonly key: string;
  readonly body?: object;
}

/** No request of these tests takes longer; one that does is given up, and has no status. */
const limitMs = 20_000;

/** Sends one request on a connection of its own and reads the whole answer. */
export async function ask(url: string, { name, method, path, key, body }: Ask): Promise<Outcome> {
  const startMs = performance.now();
  try {
    const reply = await fetch(url + path, {
      method: method ?? "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", connection: "close" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(limitMs),
    });
    const text = await reply.text();
    const tookMs = performance.now() - startMs;
    const requestId = reply.headers.get("x-request-id") ?? "";
    return { name, status: reply.status, error: reply.ok ? undefined : wordOf(text), requestId, tookMs, body: text };
  } catch (error) {
    return { name, status: 0, error: String(error), requestId: "", tookMs: performance.now() - startMs, body: "" };
  }
}

function wordOf(text: string): string {
  const { error } = JSON.parse(text) as { error: { code?: string | number; type?: string; status?: string } };
  return String(error.status ?? (typeof error.code === "string" ? error.code : error.type));
}

export interface Keys {
  /** The gateway has seen it. */
  readonly known: string;
  /** Nobody has used it yet. */
  readonly fresh: string;
  /** The gateway has seen it, and its user has a budget. */
  readonly budgeted: string;
}

const hi = { messages: [{ role: "user", content: "hi" }] };
const maxTokens = 5;
const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
/** A conversation with a call whose proof only the database may know. */
const withCall = [
  { role: "user", content: "hi" },
  { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "look", arguments: "{}" } }] },
  { role: "tool", tool_call_id: "call_1", content: "nothing" },
];

/** Requests that are served without the database. */
export function asksServed(key: string): Ask[] {
  const responses = "/v1/responses";
  return [
    { name: "chat", path: "/v1/chat/completions", key, body: { model: "loopback", ...hi } },
    { name: "chat, streamed", path: "/v1/chat/completions", key, body: { model: "gpt-mock", stream: true, ...hi } },
    { name: "chat with a call", path: "/v1/chat/completions", key, body: { model: "gemini-mock", messages: withCall, tools } },
    { name: "messages", path: "/v1/messages", key, body: { model: "claude-mock", max_tokens: maxTokens, ...hi } },
    { name: "messages, streamed", path: "/v1/messages", key, body: { model: "gpt-mock", max_tokens: maxTokens, stream: true, ...hi } },
    { name: "gemini", path: "/v1beta/models/gemini-mock:generateContent", key, body: { contents: [{ parts: [{ text: "hi" }] }] } },
    { name: "response, kept here", path: responses, key, body: { model: "claude-mock", input: "hi" } },
    { name: "response, kept here, streamed", path: responses, key, body: { model: "claude-mock", input: "hi", stream: true } },
    { name: "response in the background", path: responses, key, body: { model: "claude-mock", input: "hi", background: true } },
    { name: "response, kept there", path: responses, key, body: { model: "gpt-mock", input: "hi" } },
    { name: "response, kept there, streamed", path: responses, key, body: { model: "gpt-mock", input: "hi", stream: true } },
    { name: "response, not kept", path: responses, key, body: { model: "loopback", input: "hi", store: false } },
  ];
}

/** Requests that need the database: of each dialect with a key that must be looked up and one with a budget, and for what was stored before. */
export function asksRefused(keys: Keys, storedId: string): Ask[] {
  const withKey = (key: string, what: string): Ask[] => [
    { name: `chat ${what}`, path: "/v1/chat/completions", key, body: { model: "gpt-mock", ...hi } },
    { name: `messages ${what}`, path: "/v1/messages", key, body: { model: "claude-mock", max_tokens: maxTokens, ...hi } },
    { name: `gemini ${what}`, path: "/v1beta/models/gemini-mock:generateContent", key, body: { contents: [{ parts: [{ text: "hi" }] }] } },
    { name: `response ${what}`, path: "/v1/responses", key, body: { model: "claude-mock", input: "hi", stream: true } },
  ];
  const { known: key } = keys;
  const continued = { model: "claude-mock", input: "and?", previous_response_id: storedId };
  return [
    ...withKey(keys.fresh, "with a new key"),
    ...withKey(keys.budgeted, "with a budget"),
    { name: "continued", path: "/v1/responses", key, body: continued },
    { name: "continued, streamed", path: "/v1/responses", key, body: { ...continued, stream: true } },
    { name: "continued, in the background", path: "/v1/responses", key, body: { ...continued, background: true } },
    { name: "read", method: "GET", path: `/v1/responses/${storedId}`, key },
    { name: "deleted", method: "DELETE", path: `/v1/responses/${storedId}`, key },
    { name: "input listed", method: "GET", path: `/v1/responses/${storedId}/input_items`, key },
  ];
}

/** What `asksRefused` gets. */
export function refusals(): Record<string, string> {
  const ofKey = (what: string, code: string): Record<string, string> => ({
    [`chat ${what}`]: code,
    [`messages ${what}`]: "overloaded_error",
    [`gemini ${what}`]: "UNAVAILABLE",
    [`response ${what}`]: code,
  });
  const stored = ["continued", "continued, streamed", "continued, in the background", "read", "deleted", "input listed"];
  return {
    ...ofKey("with a new key", "database_unavailable"),
    ...ofKey("with a budget", "budget_unavailable"),
    ...Object.fromEntries(stored.map((name) => [name, "database_unavailable"])),
  };
}

/** Polls a response in the background. @returns how it ended. */
export async function endOfBackground(url: string, key: string, id: string): Promise<string> {
  let last = "";
  const look = async (): Promise<string | undefined> => {
    last = (await ask(url, { name: "poll", method: "GET", path: `/v1/responses/${id}`, key })).body;
    const { status } = JSON.parse(last) as { status?: string };
    return status === "queued" || status === "in_progress" ? undefined : status;
  };
  try {
    return await waitUntil("the response in the background has ended", look);
  } catch (error) {
    throw new Error(`at the last look it was ${last}`, { cause: error });
  }
}
