import { GatewayError, readString, scanDocument, scanObject, type Span } from "../../core/index.ts";
import { readServiceTier } from "../../ir/index.ts";
import { outputLimitKeys, readOutputLimits, type OwnLimits } from "../shared/output-limits.ts";
import { routingKeys, routingSpans } from "../shared/routing-fields.ts";
import type { Envelope, RouteCall } from "../protocol.ts";
import { isNull, readModel, readSwitch } from "../openai-shared/envelope.ts";
import { readUsageOption } from "../openai-shared/usage-option.ts";

const keys = ["model", "stream", "stream_options", "usage", ...outputLimitKeys, "service_tier", ...routingKeys];
const ownLimits: OwnLimits = { names: ["max_tokens", "max_completion_tokens"], isNested: false };
const embeddingKeys = ["model"];

/**
 * Reads what the gateway must know of a Chat or embedding body. Spans: `model`, and for a stream one more, for the place of `include_usage`:
 * `includeUsage` (its value), `nullOptions` (the value of `stream_options`), or an empty span where a field can be inserted, `firstOption` (other
 * options follow) or `onlyOption` (no options follow). Without any of them, `stream_options` is absent. `usageOption`: the member that asks for the
 * cost.
 * @throws GatewayError `invalid_json`, `ambiguous_json`, `invalid_request`.
 */
export function readEnvelope(body: string, call: RouteCall): Envelope {
  if (call.route.operation === "embed") return readEmbeddingEnvelope(body);
  const { spans, open, empty } = scanDocument(body, keys);
  const model = readModel(body, spans[0]);
  const stream = readSwitch(body, spans[1], "stream") ?? false;
  const options = readStreamOptions(body, stream ? spans[2] : undefined);
  const usageOption = readUsageOption(body, spans[3]);
  const includeCost = usageOption?.includeCost === true;
  const tier = readServiceTier(readString(body, spans.at(-1 - routingKeys.length)));
  return {
    model,
    stream,
    ...readOutputLimits(body, spans, 4, ownLimits),
    ...(tier === undefined ? {} : { tier }),
    // The cost is a field of the usage.
    includeUsage: options.includeUsage || includeCost,
    ...(includeCost ? { includeCost } : {}),
    spans: {
      model: spans[0],
      ...options.spans,
      ...(usageOption === undefined ? {} : { usageOption: usageOption.span }),
      ...routingSpans(spans),
    },
    insertAt: open + 1,
    empty,
  };
}

function readEmbeddingEnvelope(body: string): Envelope {
  const { spans, open, empty } = scanDocument(body, embeddingKeys);
  return { model: readModel(body, spans[0]), stream: false, spans: { model: spans[0] }, insertAt: open + 1, empty };
}

interface StreamOptions {
  readonly includeUsage: boolean;
  readonly spans: Readonly<Record<string, Span>>;
}

const noOptions: StreamOptions = { includeUsage: false, spans: {} };

function readStreamOptions(body: string, span: Span | undefined): StreamOptions {
  if (span === undefined) return noOptions;
  if (isNull(body, span)) return { includeUsage: false, spans: { nullOptions: span } };
  if (!body.startsWith("{", span.start)) {
    throw new GatewayError("invalid_request", 'Invalid value for "stream_options": expected an object.', { param: "stream_options" });
  }
  const { spans, open, empty } = scanObject(body, span.start, ["include_usage"]);
  const value = spans[0];
  if (value === undefined) {
    const place = { start: open + 1, end: open + 1 };
    return { includeUsage: false, spans: empty ? { onlyOption: place } : { firstOption: place } };
  }
  return { includeUsage: readSwitch(body, value, "stream_options.include_usage") ?? false, spans: { includeUsage: value } };
}
