import { latin1OfUtf8, scanDocument, asBytes } from "../../core/index.ts";
import { spliceParts } from "../bodies/splice-parts.ts";

/**
 * A body whose `model` is the one that the path names; all other bytes stay. @param text the parts as latin1.
 * @throws GatewayError `invalid_json` or `ambiguous_json`.
 */
export function putModel(parts: readonly Buffer[], text: string, model: string): readonly Buffer[] {
  const { spans, open, empty } = scanDocument(text, ["model"]);
  const value = latin1OfUtf8(JSON.stringify(model));
  const span = spans[0];
  if (span !== undefined && text.slice(span.start, span.end) === value) return parts;
  const edit =
    span === undefined
      ? { start: open + 1, end: open + 1, text: asBytes(`"model":${value}${empty ? "" : ","}`) }
      : { ...span, text: value };
  return spliceParts(parts, [edit]);
}
