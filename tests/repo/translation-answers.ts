import type { Block, ChatResponse, ProtocolId, Usage } from "../../src/ir/index.ts";
import { protocols, type ClientContext } from "../../src/protocols/index.ts";
import { changesOf } from "./translation-outcome.ts";

/** A client that asked for all that can be asked for. */
const client: ClientContext = {
  model: "m",
  includeUsage: true,
  jsonArray: false,
  request: { model: "m", stream: false, messages: [], reasoning: { visibility: "summary" } },
};

const plain: ChatResponse = { id: "1", model: "m", createdAt: 1, content: [], stopReason: "stop", usage: { input: 100, output: 50 } };

/** Blocks of an answer by the row that tells of them. */
export const blocks: Readonly<Record<string, Block>> = {
  text: { type: "text", text: "said" },
  refusal: { type: "refusal", text: "said" },
  reasoning: { type: "reasoning", text: "said" },
  "function call": { type: "tool-call", id: "call_1", name: "look", kind: "function", arguments: '{"city":"Bern"}' },
  "custom call": { type: "tool-call", id: "call_1", name: "patch", kind: "custom", arguments: "said" },
  citation: {
    type: "text",
    text: "said",
    citations: [{ url: "https://a.ch/", title: "A", citedText: "a", start: 0, end: 4 }],
  },
  "web search": {
    type: "opaque",
    protocol: "loopback" as ProtocolId,
    value: null,
    search: { id: "s", queries: ["q"], sources: [{ url: "https://a.ch/", title: "A" }] },
  },
  image: { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" } },
};

/** Parts of the usage by the row that tells of them. */
export const usageParts: Readonly<Record<string, Usage>> = {
  input: { input: 101, output: 50 },
  output: { input: 100, output: 51 },
  "read from a cache": { input: 100, output: 50, cacheRead: 7 },
  "written to a cache, 5 minutes": { input: 100, output: 50, cacheWrite5m: 7 },
  "written to a cache, 1 hour": { input: 100, output: 50, cacheWrite1h: 7 },
  reasoning: { input: 100, output: 50, reasoning: 7 },
};

/** The paths of a client's answer that a block, or a part of the usage, changes. */
export function answerPaths(dialect: ProtocolId, changed: Partial<ChatResponse>): readonly string[] {
  const { renderResponse } = protocols.get(dialect)!;
  const [before, after] = [plain, { ...plain, ...changed }].map((response) => JSON.parse(renderResponse(response, client)) as unknown);
  return [...new Set(changesOf(before, after, ""))];
}

/** An upstream's answer that ends in its own word. */
export function endedBody(upstream: ProtocolId, word: string): string {
  switch (upstream) {
    case "openai-chat": {
      const call = { id: "c", type: "function", function: { name: "look", arguments: "{}" } };
      const messages: Readonly<Record<string, object>> = {
        tool_calls: { content: null, tool_calls: [call] },
        "a refusal": { content: null, refusal: "No." },
      };
      const message = messages[word] ?? { content: "a" };
      const reason = word === "a refusal" ? "stop" : word;
      return JSON.stringify({
        id: "1",
        model: "m",
        choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: reason }],
      });
    }
    case "openai-responses": {
      const isCall = word === "a call";
      const part = word === "a refusal" ? { type: "refusal", refusal: "No." } : { type: "output_text", text: "a", annotations: [] };
      const item = isCall
        ? { type: "function_call", call_id: "c", name: "look", arguments: "{}" }
        : { type: "message", role: "assistant", content: [part] };
      const isWhole = word === "completed" || word === "a refusal" || isCall;
      return JSON.stringify({
        id: "resp_1",
        object: "response",
        model: "m",
        output: [item],
        status: isWhole ? "completed" : "incomplete",
        incomplete_details: isWhole ? null : { reason: word },
      });
    }
    case "anthropic-messages": {
      const content = word === "tool_use" ? [{ type: "tool_use", id: "c", name: "look", input: {} }] : [{ type: "text", text: "a" }];
      const sequence = word === "stop_sequence" ? "###" : null;
      return JSON.stringify({
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "m",
        content,
        stop_reason: word,
        stop_sequence: sequence,
        usage: { input_tokens: 1, output_tokens: 1 },
      });
    }
    case "gemini-generate": {
      const parts = word === "a call" ? [{ functionCall: { name: "look", args: {} } }] : [{ text: "a" }];
      return JSON.stringify({ candidates: [{ content: { role: "model", parts }, finishReason: word === "a call" ? "STOP" : word }] });
    }
  }
}

/** Why an upstream's answer ended, in a client's words. */
export function endInWordsOf(dialect: ProtocolId, upstream: ProtocolId, word: string): string {
  const response = protocols.get(upstream)!.upstream.parseResponse(endedBody(upstream, word));
  return readEnd(dialect, JSON.parse(protocols.get(dialect)!.renderResponse(response, client)) as Wire);
}

interface Wire {
  readonly choices?: readonly { readonly finish_reason: string }[];
  readonly status?: string;
  readonly incomplete_details?: { readonly reason: string } | null;
  readonly stop_reason?: string;
  readonly candidates?: readonly { readonly finishReason: string }[];
}

function readEnd(dialect: ProtocolId, wire: Wire): string {
  switch (dialect) {
    case "openai-chat":
      return wire.choices?.[0]?.finish_reason ?? "";
    case "openai-responses":
      return wire.incomplete_details?.reason ?? wire.status ?? "";
    case "anthropic-messages":
      return wire.stop_reason ?? "";
    case "gemini-generate":
      return wire.candidates?.[0]?.finishReason ?? "";
  }
}

/** Answers with fields that are sent to no other dialect; each contains the word `LOST`. */
export const leftOut: Readonly<Record<string, readonly [ProtocolId, object]>> = {
  "`annotations` of other types than `url_citation`, and `logprobs` of Chat": [
    "openai-chat",
    {
      id: "1",
      model: "m",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "a", annotations: [{ type: "file_citation", file_citation: { url: "LOST" } }] },
          logprobs: { content: [{ token: "LOST", logprob: 0 }] },
          finish_reason: "stop",
        },
      ],
    },
  ],
  "`annotations` of other types than `url_citation` of Responses, and items of its own tools but searches": [
    "openai-responses",
    {
      id: "resp_1",
      model: "m",
      status: "completed",
      output: [
        { type: "file_search_call", id: "LOST", status: "completed", queries: ["LOST"] },
        {
          type: "message",
          role: "assistant",
          content: [{ type: "output_text", text: "a", annotations: [{ type: "file_citation", file_id: "LOST" }] }],
        },
      ],
    },
  ],
  "`citations` of documents of Anthropic, and blocks of its own tools but searches": [
    "anthropic-messages",
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [
        { type: "server_tool_use", id: "LOST", name: "web_fetch", input: {} },
        { type: "text", text: "a", citations: [{ type: "char_location", cited_text: "LOST" }] },
      ],
      stop_reason: "end_turn",
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  ],
  "`safetyRatings` of Gemini, what `groundingMetadata` has of no web page, and parts of its own tools": [
    "gemini-generate",
    {
      candidates: [
        {
          content: { role: "model", parts: [{ text: "a" }, { executableCode: { language: "PYTHON", code: "LOST" } }] },
          finishReason: "STOP",
          groundingMetadata: { groundingChunks: [{ maps: { uri: "LOST" } }] },
          safetyRatings: [{ category: "LOST" }],
        },
      ],
    },
  ],
};

/** What a client of another dialect gets of such an answer. */
export function renderedFor(dialect: ProtocolId, [upstream, body]: readonly [ProtocolId, object]): string {
  return protocols.get(dialect)!.renderResponse(protocols.get(upstream)!.upstream.parseResponse(JSON.stringify(body)), client);
}
