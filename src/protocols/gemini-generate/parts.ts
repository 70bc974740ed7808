import type { MediaBlock, ToolCallBlock } from "../../ir/index.ts";
import { objectText } from "../shared/json-text.ts";
import type { ClientContext } from "../protocol.ts";
import type { WireFunctionCall, WirePart } from "./wire.ts";

/** Like the vendor, the gateway shows thoughts only to a client that asked for them; any other client would read them as the answer. */
export function showsThoughts(client: ClientContext): boolean {
  const visibility = client.request.reasoning?.visibility;
  return visibility === "summary" || visibility === "full";
}

/** Returns the JSON of a text part. */
export function textPart(part: WirePart): string {
  return JSON.stringify(part);
}

/** Returns the JSON of the part of a picture; `undefined` if it has no data. */
export function picturePart({ source }: MediaBlock): string | undefined {
  return source.type === "base64" ? JSON.stringify({ inlineData: { mimeType: source.mediaType, data: source.data } }) : undefined;
}

/** Renders function calls; in this dialect a call is always whole. */
export class CallRenderer {
  /** Names of the calls that were omitted because their arguments are not a JSON object. */
  readonly malformed: string[] = [];

  /** Returns the JSON of the part, or "" if the model's arguments are not a JSON object: the vendor itself omits such a call. */
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

/** Arguments are written unchanged; free text is the one string argument of a function. `undefined` if they are not an object. */
function argsJson(call: Pick<ToolCallBlock, "kind" | "arguments">): string | undefined {
  if (call.kind === "custom") return JSON.stringify({ input: call.arguments });
  return objectText(call.arguments);
}
