import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, sealMark, SseSplitter } from "../core/index.ts";
import { collect, replay, type ChatRequest, type ChatResponse, type ProtocolId } from "../ir/index.ts";
import { protocols, type ClientContext } from "./index.ts";

const url = "https://a.ch/x";
const said = "Über Bern: sunny.";
const usage = { input_tokens: 9, output_tokens: 9 };
const annotation = { type: "url_citation", url, title: "A", start_index: 5, end_index: 9 };

/** The same answer of each vendor: one search, one page that is found, one citation of "Bern". */
const answers: Readonly<Record<ProtocolId, object>> = {
  "openai-chat": {
    id: "chatcmpl-1",
    model: "m",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: said,
          annotations: [{ type: "url_citation", url_citation: { ...annotation, type: undefined } }],
        },
        finish_reason: "stop",
      },
    ],
  },
  "openai-responses": {
    id: "resp_1",
    model: "m",
    status: "completed",
    output: [
      {
        type: "web_search_call",
        id: "ws_1",
        status: "completed",
        action: { type: "search", query: "bern", sources: [{ type: "url", url }] },
      },
      { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: said, annotations: [annotation] }] },
    ],
    usage,
  },
  "anthropic-messages": {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [
      { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "bern" } },
      {
        type: "web_search_tool_result",
        tool_use_id: "srvtoolu_1",
        content: [{ type: "web_search_result", url, title: "A", encrypted_content: "e", page_age: null }],
      },
      { type: "text", text: "Über " },
      {
        type: "text",
        text: "Bern",
        citations: [{ type: "web_search_result_location", url, title: "A", cited_text: "Bern is", encrypted_index: "e" }],
      },
      { type: "text", text: ": sunny." },
    ],
    stop_reason: "end_turn",
    usage,
  },
  "gemini-generate": {
    responseId: "1",
    candidates: [
      {
        content: { role: "model", parts: [{ text: said }] },
        finishReason: "STOP",
        groundingMetadata: {
          webSearchQueries: ["bern"],
          groundingChunks: [{ web: { uri: url, title: "A" } }],
          groundingSupports: [{ segment: { startIndex: 6, endIndex: 10, text: "Bern" }, groundingChunkIndices: [0] }],
        },
      },
    ],
  },
};

const request: ChatRequest = {
  model: "m",
  stream: false,
  messages: [],
  tools: [
    { type: "server", name: "web_search", protocol: "anthropic-messages", wire: { type: "web_search_20250305", name: "web_search" } },
  ],
};
const client: ClientContext = { model: "m", includeUsage: false, jsonArray: false, request };

/** What a client sees: the queries, the pages that were found, and the cited pages with the text that cites them. */
interface Seen {
  readonly queries: readonly string[];
  readonly pages: readonly string[];
  readonly cited: readonly (readonly [url: string, title: string | undefined, text: string])[];
}

/** Reads an answer of a client's dialect with the reader of the same protocol, which is checked against the vendors' shapes below. */
function seenIn({ content }: ChatResponse): Seen {
  const searches = content.flatMap((block) => (block.type === "opaque" && block.search !== undefined ? [block.search] : []));
  return {
    queries: searches.flatMap(({ queries }) => queries),
    pages: searches.flatMap(({ sources }) => sources.map((source) => source.url)),
    cited: content.flatMap((block) =>
      block.type === "text"
        ? (block.citations ?? []).map(({ url: page, title, start, end }) => [page, title, block.text.slice(start, end)] as const)
        : [],
    ),
  };
}

function searchFor(upstream: ProtocolId, dialect: ProtocolId): Pick<Seen, "queries" | "pages"> {
  if (dialect === "openai-chat") return { queries: [], pages: [] };
  if (upstream !== "openai-chat") return { queries: ["bern"], pages: [url] };
  if (dialect === "anthropic-messages") return { queries: [""], pages: [url] };
  return { queries: [], pages: dialect === "gemini-generate" ? [url] : [] };
}

const ids = Object.keys(answers) as readonly ProtocolId[];

for (const upstream of ids) {
  for (const dialect of ids.filter((id) => id !== upstream)) {
    test(`${upstream} to ${dialect}: the search and the cited page reach the client, whole and streamed`, () => {
      const response = protocols.get(upstream)!.upstream.parseResponse(JSON.stringify(answers[upstream]));
      const whole = protocols.get(dialect)!.upstream.parseResponse(protocols.get(dialect)!.renderResponse(response, client));
      const encoder = protocols.get(dialect)!.createStreamEncoder(client);
      const stream = replay(response)
        .map((event) => encoder.push(event))
        .join("");
      const decoder = protocols.get(dialect)!.upstream.createStreamDecoder();
      const events = new SseSplitter().push(latin1OfUtf8(stream)).flatMap((event) => decoder.push(event));
      const streamed = collect([...events, ...decoder.end()]);
      // Chat has no place for a search. What Chat does not show, an Anthropic client gets as a search for nothing known, as it asked for one.
      const search = searchFor(upstream, dialect);
      for (const { queries, pages, cited } of [seenIn(whole), seenIn(streamed)]) {
        assert.deepEqual({ queries, pages }, search);
        // Claude's citations are of whole blocks.
        assert.deepEqual(cited, [[url, "A", dialect === "anthropic-messages" ? said : "Bern"]]);
      }
    });
  }

  test(`${upstream}: a stream shows the same search and citation as the whole answer`, () => {
    const encoder = protocols.get(upstream)!.createStreamEncoder(client);
    const response = protocols.get(upstream)!.upstream.parseResponse(JSON.stringify(answers[upstream]));
    const stream = replay(response)
      .map((event) => encoder.push(event))
      .join("");
    const decoder = protocols.get(upstream)!.upstream.createStreamDecoder();
    const events = new SseSplitter().push(latin1OfUtf8(stream)).flatMap((event) => decoder.push(event));
    const { cited } = seenIn(collect([...events, ...decoder.end()]));
    assert.deepEqual(cited, [[url, "A", "Bern"]]);
  });
}

test("an Anthropic client gets a search of another vendor in its vendor's blocks", () => {
  const response = protocols.get("openai-responses")!.upstream.parseResponse(JSON.stringify(answers["openai-responses"]));
  const message = JSON.parse(protocols.get("anthropic-messages")!.renderResponse(response, client)) as {
    content: Record<string, unknown>[];
    usage: Record<string, unknown>;
  };
  const id = message.content[0]!["id"];
  assert.match(String(id), /^srvtoolu_[a-zA-Z0-9]+$/);
  const caller = { type: "direct" };
  assert.deepEqual(message.content, [
    { type: "server_tool_use", id, name: "web_search", input: { query: "bern" }, caller },
    {
      type: "web_search_tool_result",
      tool_use_id: id,
      content: [{ type: "web_search_result", url, title: url, encrypted_content: sealMark, page_age: null }],
      caller,
    },
    {
      type: "text",
      text: said,
      citations: [{ type: "web_search_result_location", url, title: "A", cited_text: "", encrypted_index: sealMark }],
    },
  ]);
  assert.deepEqual(message.usage["server_tool_use"], { web_search_requests: 1, web_fetch_requests: 0 });
});

test("a Chat answer's pages beside the choices are cited by all of the text", () => {
  const chunk = (delta: object, more: object = {}): object => ({
    id: "1",
    model: "m",
    choices: [{ index: 0, delta }],
    citations: [url],
    ...more,
  });
  const chunks = [
    chunk({ content: "Be" }),
    chunk({ content: "rn" }),
    { ...chunk({}), choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
  ];
  const decoder = protocols.get("openai-chat")!.upstream.createStreamDecoder();
  const text = chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
  const streamed = new SseSplitter().push(latin1OfUtf8(text)).flatMap((event) => decoder.push(event));
  assert.deepEqual(collect([...streamed, ...decoder.end()]).content, [{ type: "text", text: "Bern", citations: [{ url }] }]);
  const whole = {
    id: "1",
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "Bern" }, finish_reason: "stop" }],
    search_results: [{ title: "A", url, date: "2026-11-01" }],
  };
  const { content } = protocols.get("openai-chat")!.upstream.parseResponse(JSON.stringify(whole));
  assert.deepEqual(content, [{ type: "text", text: "Bern", citations: [{ url, title: "A" }] }]);
});

test("a search that another vendor ran goes back to no vendor", () => {
  const response = protocols.get("gemini-generate")!.upstream.parseResponse(JSON.stringify(answers["gemini-generate"]));
  const { content } = JSON.parse(protocols.get("anthropic-messages")!.renderResponse(response, client)) as { content: unknown };
  const body = JSON.stringify({
    model: "m",
    messages: [
      { role: "assistant", content },
      { role: "user", content: "thanks" },
    ],
  });
  const stripped = apply(body, protocols.get("anthropic-messages")!.proofs.withoutSeals(latin1OfUtf8(body)));
  assert.deepEqual(JSON.parse(Buffer.from(stripped, "latin1").toString()), {
    model: "m",
    messages: [
      { role: "assistant", content: [{ type: "text", text: said, citations: null }] },
      { role: "user", content: "thanks" },
    ],
  });
  const { output } = JSON.parse(protocols.get("openai-responses")!.renderResponse(response, client)) as { output: { type: string }[] };
  assert.deepEqual(output.map(({ type }) => type).toSorted(), ["message", "web_search_call"]);
  const input = JSON.stringify({ model: "m", input: output });
  const sent = JSON.parse(apply(input, protocols.get("openai-responses")!.proofs.withoutSeals(latin1OfUtf8(input)))) as {
    input: { type: string }[];
  };
  assert.deepEqual(
    sent.input.map(({ type }) => type),
    ["message"],
  );
});

function apply(body: string, edits: readonly { readonly start: number; readonly end: number; readonly text: string }[]): string {
  let out = "";
  let at = 0;
  const text = latin1OfUtf8(body);
  for (const edit of edits) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}
