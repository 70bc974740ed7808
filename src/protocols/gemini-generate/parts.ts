import type { ReasoningBlock, ToolCallBlock } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { encodeTunnel } from "./signature-tunnel.ts";
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

/**
 * Renders function calls, which are whole in this dialect, and carries the reasoning of other providers to the next of them: its proof is good for
 * nothing here, but the client echoes the signature of a call.
 */
export class CallRenderer {
  readonly #waiting: ReasoningBlock[] = [];
  /** Calls that had no place, as their arguments are no JSON object. */
  readonly malformed: string[] = [];

  /** A reasoning block with another provider's proof. */
  carry(block: ReasoningBlock): void {
    this.#waiting.push(block);
  }

  /** The JSON of the part, or "" where the model's arguments are no JSON object: the vendor itself leaves such a call out. */
  render(call: Pick<ToolCallBlock, "id" | "name" | "namespace" | "kind" | "arguments" | "proof">): string {
    const name = call.namespace === undefined || call.namespace === "functions" ? call.name : `${call.namespace}__${call.name}`;
    const args = argsJson(call);
    if (args === undefined) {
      this.malformed.push(`${name}(${call.arguments})`);
      return "";
    }
    const own = call.proof?.protocol === "gemini-generate" ? call.proof.data : undefined;
    const signature = own ?? this.takeSignature();
    const head: WireFunctionCall = { ...(call.id === "" ? {} : { id: call.id }), name };
    const tail = signature === undefined ? "" : `,"thoughtSignature":${JSON.stringify(signature)}`;
    return `{"functionCall":${JSON.stringify(head).slice(0, -1)},"args":${args}}${tail}}`;
  }

  /** The signature that carries what has waited; `undefined` where nothing has. */
  takeSignature(): string | undefined {
    return this.#waiting.length === 0 ? undefined : encodeTunnel(this.#waiting.splice(0));
  }
}

/** Arguments go in as the text they are; free text is the one string of a function. */
function argsJson(call: Pick<ToolCallBlock, "kind" | "arguments">): string | undefined {
  if (call.kind === "custom") return JSON.stringify({ input: call.arguments });
  const text = call.arguments.trim();
  if (text === "") return "{}";
  if (!text.startsWith("{")) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined; // Cut off, or never JSON: the end of the answer says so.
  }
}
