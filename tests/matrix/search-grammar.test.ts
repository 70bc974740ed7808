import { test } from "node:test";
import { protocolIds, replay, type ChatResponse, type ProtocolId } from "../../src/ir/index.ts";
import { protocols, type ClientContext } from "../../src/protocols/index.ts";
import { checkGrammar } from "./grammar.ts";

const client: ClientContext = { model: "m", includeUsage: true, jsonArray: false, request: { model: "m", stream: true, messages: [] } };

/** An answer of an upstream that shows its search without pages. */
function answerOf(upstream: ProtocolId): ChatResponse {
  return {
    id: "1",
    model: "m",
    createdAt: 1,
    content: [
      { type: "text", text: "I look. " },
      { type: "opaque", protocol: upstream, value: null, search: { id: "s", queries: ["q"], sources: [] } },
      { type: "text", text: "Hello", citations: [{ url: "https://a.example", title: "A" }] },
    ],
    stopReason: "stop",
    usage: { input: 1, output: 2 },
  };
}

for (const dialect of protocolIds) {
  test(`${dialect}: a stream with a search and citations of another vendor has the grammar of its own`, () => {
    const encoder = protocols.get(dialect)!.createStreamEncoder(client);
    const upstream = protocolIds.find((id) => id !== dialect)!;
    const stream = replay(answerOf(upstream)).map((event) => encoder.push(event));
    checkGrammar(dialect, Buffer.from(stream.join("")));
  });
}
