import type { ToolCallBlock } from "../../ir/index.ts";
import { objectText } from "../json-text.ts";
import type { ClientContext } from "../protocol.ts";
import type { WireFunctionCall, WirePart } from "./wire.ts";

/** Thoughts are shown to a client that asked for them, as the vendor does; any other would take them for the answer. */
export function showsThoughts(client: ClientContext): boolean {
  const visibility = client.request.reasoning?.visibility;
  return visibility === "summary" || visibility === "full";
}

/** The JSON of a text part. */
export function textPart(part: WirePart): string {
  return JSON.stringify(part);
}

/** Renders function calls, which are whole in this dialect. */
export class CallRenderer {
  /** Calls that had no place, as their arguments are no JSON object. */
  readonly malformed: string[] = [];

  /** The JSON of the part, or "" where the model's arguments are no JSON object: the vendor itself leaves such a call out. */
  render(call: Pick<ToolCallBlock, "id" | "name" | "namespace" | "kind" | "arguments" | "proof">): string {
    const name = call.namespace === undefined || call.namespace === "functions" ? call.name : `${call.namespace}__${call.name}`;
    const args = argsJson(call);
    if (args === undefined) {
      this.malformed.push(`${name}(${call.arguments})`);
      return "";
    }
    const signature = call.proof?.protocol === "gemini-generate" ? call.proof.data : undefined;
    const head: WireFunctionCall = { name, ...(call.id === "" ? {} : { id: call.id }) };
    const tail = signature === undefined ? "" : `,"thoughtSignature":${JSON.stringify(signature)}`;
    return `{"functionCall":${JSON.stringify(head).slice(0, -1)},"args":${args}}${tail}}`;
  }
}

/** Arguments go in as the text they are; free text is the one string of a function. What is no object is left to the end of the answer to say. */
function argsJson(call: Pick<ToolCallBlock, "kind" | "arguments">): string | undefined {
  if (call.kind === "custom") return JSON.stringify({ input: call.arguments });
  return objectText(call.arguments);
}
