import type { BlockStart, Extensions } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { WireContainer, WireMessage } from "./wire.ts";

type ToolCallStart = Extract<BlockStart, { type: "tool-call" }>;

/** Ids of this dialect begin with `msg_`. */
export function messageId(id: string): string {
  return id.startsWith("msg_") ? id : `msg_${id}`;
}

/** This dialect has no namespaces: a tool of a namespace has one flat name here. `functions` is the namespace of plain tools. */
export function toolName(call: Pick<ToolCallStart, "name" | "namespace">): string {
  return call.namespace === undefined || call.namespace === "functions" ? call.name : `${call.namespace}__${call.name}`;
}

/** The fields that only this protocol has: `container`, `diagnostics`, `stop_details`, and in `usage` everything but the token counts. */
export function ownFields(extensions: Extensions | undefined): WireObject {
  return extensions?.["anthropic-messages"] ?? {};
}

/** The fields of a message that have no neutral name; null if nothing is known, as the types of SDK 1.x require them. */
export function renderOwnFields(own: WireObject): { container: WireContainer | null; diagnostics: WireMessage["diagnostics"] } {
  return {
    container: isObject(own["container"]) ? (own["container"] as unknown as WireContainer) : null,
    diagnostics: isObject(own["diagnostics"]) ? (own["diagnostics"] as unknown as WireMessage["diagnostics"]) : null,
  };
}
