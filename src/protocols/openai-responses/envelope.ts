import { GatewayError, readString, scanDocument, type Span } from "../../core/index.ts";
import { isNull, readModel, readSwitch } from "../openai-shared/envelope.ts";
import { readUsageOption } from "../openai-shared/usage-option.ts";
import { readServiceTier } from "../../ir/index.ts";
import { outputLimitKeys, readOutputLimits, type OwnLimits } from "../shared/output-limits.ts";
import { routingKeys, routingSpans } from "../shared/routing-fields.ts";
import type { Envelope, RouteCall } from "../protocol.ts";

const keys = [
  "model",
  "stream",
  "previous_response_id",
  "store",
  "background",
  "conversation",
  "input",
  "usage",
  ...outputLimitKeys,
  "service_tier",
  ...routingKeys,
];
const ownLimits: OwnLimits = { names: ["max_output_tokens"], isNested: false };

/**
 * Reads what the gateway must know of a Responses body. At the vendor `model` is optional (a stored prompt or a continued response may name it); here
 * it chooses the provider, so it is required. Spans: `model`, `previous_response_id`, `input`; `usageOption`: the member that asks for the cost.
 * @throws GatewayError `invalid_json`, `ambiguous_json`, `invalid_request`.
 */
export function readEnvelope(body: string, call: RouteCall): Envelope {
  const { spans, open, empty } = scanDocument(body, keys);
  const model = readModel(body, spans[0]);
  // The answer of a count is one number, even if the body asks for a stream.
  const stream = call.route.operation === "generate" && (readSwitch(body, spans[1], "stream") ?? false);
  const previousResponseId = readPrevious(body, spans[2]);
  const store = readSwitch(body, spans[3], "store");
  const background = readSwitch(body, spans[4], "background");
  const isInConversation = spans[5] !== undefined && !isNull(body, spans[5]);
  const usageOption = readUsageOption(body, spans[7]);
  const tier = readServiceTier(readString(body, spans.at(-1 - routingKeys.length)));
  return {
    model,
    stream,
    ...(usageOption?.includeCost === true ? { includeCost: true } : {}),
    ...readOutputLimits(body, spans, 8, ownLimits),
    ...(tier === undefined ? {} : { tier }),
    ...(previousResponseId === undefined ? {} : { previousResponseId }),
    ...(store === undefined ? {} : { store }),
    ...(background === undefined ? {} : { background }),
    ...(isInConversation ? { conversation: true } : {}),
    spans: {
      model: spans[0],
      previous_response_id: spans[2],
      input: spans[6],
      ...(usageOption === undefined ? {} : { usageOption: usageOption.span }),
      ...routingSpans(spans),
    },
    insertAt: open + 1,
    empty,
  };
}

function readPrevious(body: string, span: Span | undefined): string | undefined {
  if (span === undefined || isNull(body, span)) return undefined;
  const id = readString(body, span);
  if (id === undefined || id === "") {
    throw new GatewayError("invalid_request", 'Invalid value for "previous_response_id": expected the id of a response.', {
      param: "previous_response_id",
    });
  }
  return id;
}
