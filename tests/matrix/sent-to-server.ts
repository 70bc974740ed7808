import { protocols, ServerQuirks, type RouteCall } from "../../src/protocols/index.ts";
import { findPreset } from "../../src/upstream/index.ts";
import type { JsonObject } from "../testbed/json.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import type { MatrixClient } from "./ask.ts";
import { hardAsks } from "./chat-server-asks.ts";
import { createAnthropicClient } from "./client-anthropic.ts";
import { createGeminiClient } from "./client-gemini.ts";
import { createChatClient } from "./client-openai-chat.ts";
import { createResponsesClient } from "./client-openai-responses.ts";
import { notPossible, scenarios } from "./scenarios.ts";

/** The wires of the clients: nothing is sent. */
const clients: Readonly<Record<Protocol, MatrixClient>> = {
  "openai-chat": createChatClient("http://127.0.0.1:9", "none"),
  "openai-responses": createResponsesClient("http://127.0.0.1:9", "none"),
  "anthropic-messages": createAnthropicClient("http://127.0.0.1:9", "none"),
  "gemini-generate": createGeminiClient("http://127.0.0.1:9", "none"),
};

/** What the server is sent for a client's body. */
function sentTo(server: { readonly name: string }, model: string, client: Protocol, stream: boolean, body: JsonObject): JsonObject {
  const protocol = protocols.get(client)!;
  const route = protocol.routes.find(
    (each) => each.operation === "generate" && (each.stream ?? false) === (client === "gemini-generate" && stream),
  )!;
  const call: RouteCall = { route, param: model, query: "" };
  const request = protocol.parseRequest({ model, ...(stream ? { stream } : {}), ...body }, call);
  const quirks = new ServerQuirks(findPreset(server.name)!.quirks).of(model);
  const { value } = protocols.get("openai-chat")!.upstream.renderRequest(request, { model, stream, quirks });
  return JSON.parse(value) as JsonObject;
}

/** A request of a client of another dialect, as the server gets it. */
export interface SentAsk {
  readonly name: string;
  readonly client: Protocol;
  readonly sent: JsonObject;
}

/** Everything that the tests of translations ask, and what agents are known to send, as a server with a preset of this name gets it. */
export function* sentAsks(server: { readonly name: string }, model: string): Generator<SentAsk> {
  for (const stream of [false, true]) {
    for (const client of PROTOCOLS.filter((each) => each !== "openai-chat")) {
      for (const { name, ask } of scenarios) {
        if (notPossible[name]?.[client] !== undefined) continue;
        yield { name, client, sent: sentTo(server, model, client, stream, clients[client].wire(ask, model, stream).body) };
      }
    }
    for (const { name, client, body } of hardAsks) yield { name, client, sent: sentTo(server, model, client, stream, body) };
  }
}
