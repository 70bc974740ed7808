import type { BlockStart, Extensions } from "../../ir/index.ts";
import { isObject, type WireObject } from "../fields.ts";
import type { WireContainer, WireMessage } from "./wire.ts";

type ToolCallStart = Extract<BlockStart, { type: "tool-call" }>;

/** Ids of this dialect begin with `msg_`. */
export function messageId(id: string): string {
  return id.startsWith("msg_") ? id : `msg_${id}`;
}

/** A tool of a namespace is offered to this dialect under one flat name; `functions` is the namespace of plain ones. */
export function toolName(call: Pick<ToolCallStart, "name" | "namespace">): string {
  return call.namespace === undefined || call.namespace === "functions" ? call.name : `${call.namespace}__${call.name}`;
}

/** What only this protocol has a name for: `container`, `diagnostics`, `stop_details`, and in `usage` what is not a token count. */
export function ownFields(extensions: Extensions | undefined): WireObject {
  return extensions?.["anthropic-messages"] ?? {};
}

/** The fields of a message that have no neutral name, null where nothing is known: the types of SDK 1.x require them. */
export function renderOwnFields(own: WireObject): { container: WireContainer | null; diagnostics: WireMessage["diagnostics"] } {
  return {
    container: isObject(own["container"]) ? (own["container"] as unknown as WireContainer) : null,
    diagnostics: isObject(own["diagnostics"]) ? (own["diagnostics"] as unknown as WireMessage["diagnostics"]) : null,
  };
}
