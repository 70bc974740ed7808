import { GoogleGenAI } from "@google/genai";
import { readFileSync } from "node:fs";
import type { ChatRequest, StreamEvent } from "../../ir/index.ts";
import type { ClientContext, RouteCall } from "../protocol.ts";
import { routes } from "./routes.ts";
import { GeminiStreamEncoder } from "./stream-encoder.ts";

/** What the tests of this folder share. */

export function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
}

export function wireFixture(name: string): unknown {
  return JSON.parse(fixture(name));
}

/** The call of a route, by its method and path in the table of routes. */
export function callOf(route: string, param = "gemini-x", query = ""): RouteCall {
  const found = routes.find(({ method, path }) => `${method} ${path}` === route);
  if (found === undefined) throw new Error(`no route ${route}`);
  return { route: found, param, query };
}

export const generateCall = callOf("POST /v1beta/models/{model}:generateContent");
export const streamCall = callOf("POST /v1beta/models/{model}:streamGenerateContent", "gemini-x", "alt=sse");

export function clientOf(request: Partial<ChatRequest> = {}, jsonArray = false): ClientContext {
  return {
    model: "gemini-alias",
    includeUsage: false,
    jsonArray,
    request: { model: "gemini-alias", stream: true, messages: [], reasoning: { visibility: "summary" }, ...request },
  };
}

export function encode(events: readonly StreamEvent[], client = clientOf()): string {
  const encoder = new GeminiStreamEncoder(client);
  return events.map((event) => encoder.push(event)).join("");
}

/**
 * The chunks of a stream. Each must be one `data:` line that ends in CRLF twice; empty lines before it keep the connection alive. The last chunk of a
 * broken stream is there twice.
 */
export function chunksOf(stream: string): unknown[] {
  const frames = stream.split("\r\n\r\n").filter((frame, at, all) => frame !== "" || at === all.length - 1);
  const bare = frames.pop();
  if (bare !== "" && `data: ${bare}` !== frames.at(-1)) throw new Error(`not the end of a stream: ${bare}`);
  return frames.map((frame) => {
    const data = /^data: (.*)$/.exec(frame)?.[1];
    if (data === undefined) throw new Error(`not a chunk: ${frame}`);
    return JSON.parse(data) as unknown;
  });
}

/** The SDK with `respond` in place of the network. */
export function sdkWith(respond: (url: string) => Response): GoogleGenAI {
  return new GoogleGenAI({
    apiKey: "k",
    httpOptions: {
      baseUrl: "http://127.0.0.1",
      fetch: (input) => Promise.resolve(respond(input instanceof Request ? input.url : String(input))),
    },
  });
}
