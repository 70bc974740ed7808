import type { BlockStart } from "../../ir/index.ts";
import { unwrapInput } from "./free-text-tool.ts";
import { renameKeys } from "./json-keys.ts";
import type { ToolNames } from "../translation.ts";

type CallStart = Extract<BlockStart, { type: "tool-call" }>;

/** A call under the client's own name of its tool. */
export interface RestoredCall {
  readonly start: CallStart;
  /** The client's tool takes free text, and the upstream has it as a function: its arguments are known only when they are complete. */
  readonly wrapped: boolean;
  /** The client's names of properties in the arguments, if they differ. */
  readonly properties?: ReadonlyMap<string, string>;
}

/** Turns an upstream's call into one of the client's tools. `toolNames` is a result of rendering the request. */
export function restoreCall(call: CallStart, toolNames: ToolNames | undefined): RestoredCall {
  const known = toolNames?.get(call.name);
  if (known === undefined) return { start: call, wrapped: false };
  const kind = known.kind === "custom" ? ("custom" as const) : ("function" as const);
  const { namespace: _wire, ...rest } = call;
  const namespace = known.namespace ?? call.namespace;
  const start = { ...rest, name: known.name, kind, ...(namespace === undefined ? {} : { namespace }) };
  const { properties } = known;
  return { start, wrapped: kind === "custom" && call.kind === "function", ...(properties === undefined ? {} : { properties }) };
}

/** The arguments of a complete call. */
export function restoreArguments(call: RestoredCall, text: string): string {
  return call.wrapped ? unwrapInput(text) : renameKeys(text, call.properties);
}
