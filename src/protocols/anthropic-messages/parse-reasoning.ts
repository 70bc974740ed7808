import type { ReasoningRequest, ResponseFormat } from "../../ir/index.ts";
import { compact, type WireObject } from "../shared/fields.ts";
import { invalidField, optionalNumber, optionalObject, optionalString, readObject, requiredString } from "./fields.ts";

/**
 * Parses `thinking`: `{"type":"enabled","budget_tokens":N,"display":…}`, `{"type":"adaptive"}`, `{"type":"between_tools"}` or `{"type":"disabled"}`,
 * and `output_config.effort`. `display` is `summarized` or `omitted`.
 */
export function parseReasoning(body: WireObject): ReasoningRequest | undefined {
  const thinking = optionalObject(body, "thinking", "");
  const output = optionalObject(body, "output_config", "");
  const reasoning = compact({
    ...(thinking === undefined ? {} : parseThinking(thinking)),
    effort: output === undefined ? undefined : optionalString(output, "effort", "output_config"),
  });
  return Object.keys(reasoning).length === 0 ? undefined : reasoning;
}

function parseThinking(thinking: WireObject): ReasoningRequest {
  const visibility = parseDisplay(thinking);
  switch (requiredString(thinking, "type", "thinking")) {
    case "enabled":
      return compact({ enabled: true, budgetTokens: optionalNumber(thinking, "budget_tokens", "thinking"), visibility });
    case "adaptive":
      return compact({ adaptive: true, visibility });
    case "disabled":
      return { enabled: false };
    default:
      // A type of a later API version asks for reasoning in some way; the extensions keep the type.
      return compact({ enabled: true, visibility });
  }
}

function parseDisplay(thinking: WireObject): "none" | "summary" | undefined {
  switch (optionalString(thinking, "display", "thinking")) {
    case "omitted":
      return "none";
    case "summarized":
      return "summary";
    default:
      return undefined;
  }
}

/** Parses `output_config.format`, or `output_format` of the beta of 2025-11-13: `{"type":"json_schema","schema":{…}}`. */
export function parseResponseFormat(body: WireObject): ResponseFormat | undefined {
  const output = optionalObject(body, "output_config", "");
  const inConfig = output === undefined ? undefined : optionalObject(output, "format", "output_config");
  const format = inConfig ?? optionalObject(body, "output_format", "");
  if (format === undefined) return undefined;
  const path = inConfig === undefined ? "output_format" : "output_config.format";
  if (format["type"] !== "json_schema") throw invalidField(`${path}.type`, '"json_schema"');
  return { type: "json-schema", schema: readObject(format["schema"], `${path}.schema`), isEnforced: true };
}
