import type { Extensions, ProtocolId } from "../ir/index.ts";
import type { Loss } from "./translation.ts";

/** Collects what a rendering loses; the same thing is told once, however often it occurs. */
export class Losses {
  readonly #byParam = new Map<string, Loss>();

  get list(): readonly Loss[] {
    return [...this.#byParam.values()];
  }

  drop(param: string, reason: string): void {
    this.#add({ param, action: "dropped", reason });
  }

  emulate(param: string, reason: string): void {
    this.#add({ param, action: "emulated", reason });
  }

  clamp(param: string, reason: string): void {
    this.#add({ param, action: "clamped", reason });
  }

  /** Fields of other protocols. `path` ends in a dot, or is "" for those of the request itself. */
  dropForeign(extensions: Extensions | undefined, own: ProtocolId, path: string): void {
    for (const [protocol, fields] of Object.entries(extensions ?? {})) {
      if (protocol === own) continue;
      for (const [key, value] of Object.entries(fields)) {
        const params = path === "" && partlyKnown.has(key) ? Object.keys(value ?? {}).map((inner) => `${key}.${inner}`) : [key];
        for (const param of params) if (!echoes.has(param)) this.drop(`${path}${param}`, "The provider's protocol has no such field.");
      }
    }
  }

  #add(loss: Loss): void {
    if (!this.#byParam.has(loss.param)) this.#byParam.set(loss.param, loss);
  }
}

/**
 * Fields that say how an answer was made or how the client is to get it, and ask nothing of the model: what a client echoes of an earlier answer, its
 * own marks, and what the gateway itself sees to.
 */
const echoes: ReadonlySet<string> = new Set([
  "additional_tools",
  "annotations",
  "audio",
  "caller",
  "client_metadata",
  "function_call",
  "include",
  "instructions",
  "logprobs",
  "namespace",
  "obfuscation",
  "parameters",
  "parsed",
  "phase",
  "reasoning.generate_summary",
  "reasoning.summary",
  "response",
  "refusal",
  "status",
  "store",
  "stream_options",
]);

/** Fields that the neutral form tells in part; what is kept under their name is the rest of them. */
const partlyKnown: ReadonlySet<string> = new Set([
  "reasoning",
  "text",
  "thinking",
  "output_config",
  "metadata",
  "generationConfig",
  "toolConfig",
]);
