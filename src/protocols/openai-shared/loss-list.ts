import { GatewayError } from "../../core/index.ts";
import type { ChatRequest, Extensions, ProtocolId } from "../../ir/index.ts";
import type { Loss } from "../translation.ts";

/** Gathers what a rendering lost; a parameter that lost the same thing many times is named once. */
export class LossList {
  readonly #byKey = new Map<string, Loss>();

  add(param: string, action: Loss["action"], reason: string): void {
    const key = `${action} ${param}`;
    if (!this.#byKey.has(key)) this.#byKey.set(key, { param, action, reason });
  }

  drop(param: string, reason: string): void {
    this.add(param, "dropped", reason);
  }

  /** The fields in `extensions` of protocols other than `own`; `kept` names those that mean the same here. */
  dropExtensions(prefix: string, extensions: Extensions | undefined, own: ProtocolId, kept: ReadonlySet<string> = new Set()): void {
    for (const [protocol, fields] of Object.entries(extensions ?? {})) {
      if (protocol === own) continue;
      for (const [key, value] of Object.entries(fields)) {
        if (!kept.has(key) && saysSomething(value) && !isServedInclude(key, value))
          this.drop(prefix + key, "The provider's protocol has no such field.");
      }
    }
  }

  get losses(): readonly Loss[] {
    return [...this.#byKey.values()];
  }
}

/** `include` of Responses, where it asks for no more than the proof of reasoning, which the answer brings in its own way. */
function isServedInclude(key: string, value: unknown): boolean {
  return key === "include" && Array.isArray(value) && value.every((item) => item === "reasoning.encrypted_content");
}

/** `false`, `null` and what is empty ask for nothing. */
function saysSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** The 400 for what cannot be left out without changing the answer. */
export function refuse(param: string, reason: string): GatewayError {
  return new GatewayError("invalid_request", `"${param}" cannot be served by the provider of this model: ${reason}`, { param });
}

/** What a field of another protocol brings into the prompt that is not in the request. */
const state: readonly (readonly [ProtocolId, string, string])[] = [
  ["openai-responses", "previous_response_id", "it keeps no responses. Send the whole conversation as input."],
  ["openai-responses", "conversation", "it keeps no conversations. Send the whole conversation as input."],
  ["openai-responses", "prompt", "it keeps no prompts. Send the prompt's text."],
  ["openai-responses", "background", "it answers at once or not at all."],
  ["anthropic-messages", "mcp_servers", "it calls no MCP servers of its own accord."],
  ["gemini-generate", "cachedContent", "it keeps no cached content. Send the content itself."],
];

/** @throws GatewayError `invalid_request` where the request leans on something that only another provider keeps or does. */
export function refuseForeignState(request: ChatRequest, own: ProtocolId): void {
  for (const [protocol, field, reason] of state) {
    if (protocol !== own && saysSomething(request.extensions?.[protocol]?.[field])) throw refuse(field, reason);
  }
}
