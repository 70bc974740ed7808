import { elementsOf, readString, scanDocument, type Bytes, type Span } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { openaiTraits } from "../openai-shared/model-traits.ts";
import { readTraits, type TraitsTarget } from "../model-traits.ts";

/**
 * OpenAI refuses functions in Chat while a newer model reasons: "Function tools with reasoning_effort are not supported for gpt-5.6-sol in /v1/chat/completions. To use function
 * tools, use /v1/responses or set reasoning_effort to 'none'." Such a request belongs to Responses. `text` is latin1.
 */
export function otherProtocol(text: Bytes, target: TraitsTarget): ProtocolId | undefined {
  // Servers that are only compatible with OpenAI serve these models by ways of their own.
  if (target.quirks.noVendorFields === true) return undefined;
  const traits = readTraits(openaiTraits, target);
  if (!traits.refusesFunctionsInChat) return undefined;
  const [tools, functions, effort] = scanDocument(text, ["tools", "functions", "reasoning_effort"]).spans;
  const reasons = readString(text, effort) ?? (traits.restsUnasked ? "none" : "asked");
  if (reasons === "none") return undefined;
  return hasElements(text, tools) || hasElements(text, functions) ? "openai-responses" : undefined;
}

function hasElements(text: Bytes, list: Span | undefined): boolean {
  return elementsOf(text, list).length > 0;
}
