import { readdirSync, readFileSync } from "node:fs";
import { SseSplitter, asBytes } from "../core/index.ts";
import type { ChatRequest, ToolCallBlock } from "../ir/index.ts";
import { protocols, type EventSplitter, type Rendered, type RouteCall, type StreamTap } from "./index.ts";

/** What the tests of several folders share. */

/** The recorded requests of all clients, parsed by the dialect that they came in. */
export function recordedRequests(): readonly { readonly name: string; readonly protocol: string; readonly request: ChatRequest }[] {
  return [...protocols.values()].flatMap((protocol) => {
    const folder = new URL(`${protocol.id}/fixtures/`, import.meta.url);
    const route = protocol.routes.find(({ operation }) => operation === "generate")!;
    const call: RouteCall = { route, param: "gemini-mock", query: "" };
    return readdirSync(folder)
      .filter((file) => file.endsWith(".json") && file !== "answer.json")
      .map((file) => ({
        name: `${protocol.id}/${file}`,
        protocol: protocol.id,
        request: protocol.parseRequest(JSON.parse(readFileSync(new URL(file, folder), "utf8")), call),
      }));
  });
}

/** The body of a rendered request. */
export function bodyOf(rendered: Rendered<string>): Record<string, unknown> {
  return JSON.parse(rendered.value) as Record<string, unknown>;
}

/** The losses of a rendering, each as `dropped seed`. */
export function lossesOf({ losses }: Rendered<string>): readonly string[] {
  return losses.map(({ param, action }) => `${action} ${param}`);
}

/** A call of a function; `args` is the JSON of its arguments. */
export function toolCall(id: string, name: string, args: string, more: Partial<ToolCallBlock> = {}): ToolCallBlock {
  return { type: "tool-call", id, name, kind: "function", arguments: args, ...more };
}

/** Feeds a stream to a tap, cut into pieces of the given sizes (the last one repeats); returns what it passed on. */
export function feed(tap: StreamTap, stream: string, sizes: readonly number[], splitter: EventSplitter = new SseSplitter()): string {
  let out = "";
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)]!;
    for (const event of splitter.push(asBytes(stream.slice(at, at + size)))) out += tap.push(event);
    at += size;
  }
  for (const event of splitter.end()) out += tap.push(event);
  return out;
}
