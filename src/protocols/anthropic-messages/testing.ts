import Anthropic from "@anthropic-ai/sdk";
import { readFileSync } from "node:fs";
import type { ChatRequest, StreamEvent } from "../../ir/index.ts";
import type { ClientContext, RouteCall } from "../protocol.ts";
import { routes } from "./routes.ts";
import { AnthropicStreamEncoder } from "./stream-encoder.ts";

/** What the tests of this folder share. */

export function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
}

export function wireFixture(name: string): unknown {
  return JSON.parse(fixture(name));
}

/** The call of a route, by its method and path in the table of routes. */
export function callOf(route: string, param = ""): RouteCall {
  const found = routes.find(({ method, path }) => `${method} ${path}` === route);
  if (found === undefined) throw new Error(`no route ${route}`);
  return { route: found, param, query: "" };
}

export const generateCall = callOf("POST /v1/messages");

export function clientOf(request: Partial<ChatRequest> = {}): ClientContext {
  return {
    model: "claude-alias",
    includeUsage: false,
    jsonArray: false,
    request: { model: "claude-alias", stream: true, messages: [], ...request },
  };
}

export function encode(events: readonly StreamEvent[], client = clientOf()): string {
  const encoder = new AnthropicStreamEncoder(client);
  return events.map((event) => encoder.push(event)).join("");
}

/** The events of a stream: the JSON of each `data:` line, checked to have the same type as its `event:` line. */
export function framesOf(stream: string): unknown[] {
  return stream
    .split("\n\n")
    .filter((frame) => frame !== "")
    .map((frame) => {
      const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
      const event = JSON.parse(data ?? "null") as { type: string };
      if (event.type !== type) throw new Error(`"${type}" is not the type of ${data}`);
      return event;
    });
}

/** The SDK with `respond` in place of the network. */
export function sdkWith(respond: () => Response): Anthropic {
  return new Anthropic({ apiKey: "k", baseURL: "http://127.0.0.1", maxRetries: 0, fetch: () => Promise.resolve(respond()) });
}

export function sseResponse(body: string): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
