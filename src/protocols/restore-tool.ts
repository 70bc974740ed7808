import type { BlockStart } from "../ir/index.ts";
import { unwrapInput } from "./free-text-tool.ts";
import type { ToolNames } from "./translation.ts";

type CallStart = Extract<BlockStart, { type: "tool-call" }>;

/** A call under the client's own name for its tool. */
export interface RestoredCall {
  readonly start: CallStart;
  /** The client's tool takes free text, and the upstream was told of a function: its arguments are only known when they are whole. */
  readonly wrapped: boolean;
}

/** Turns a call as the upstream made it into one of the client's tools. `toolNames` is what the rendering of the request gave. */
export function restoreCall(call: CallStart, toolNames: ToolNames | undefined): RestoredCall {
  const known = toolNames?.get(call.name);
  if (known === undefined) return { start: call, wrapped: false };
  const kind = known.kind === "custom" ? ("custom" as const) : ("function" as const);
  const { namespace: _wire, ...rest } = call;
  const namespace = known.namespace ?? call.namespace;
  const start = { ...rest, name: known.name, kind, ...(namespace === undefined ? {} : { namespace }) };
  return { start, wrapped: kind === "custom" && call.kind === "function" };
}

/** The arguments of a call that is whole. */
export function restoreArguments(call: RestoredCall, text: string): string {
  return call.wrapped ? unwrapInput(text) : text;
}
