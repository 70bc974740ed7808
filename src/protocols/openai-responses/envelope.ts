import { GatewayError, readString, scanDocument, type Span } from "../../core/index.ts";
import { isNull, readLimit, readModel, readSwitch } from "../openai-shared/envelope.ts";
import type { Envelope, RouteCall } from "../protocol.ts";

const keys = ["model", "stream", "max_output_tokens", "previous_response_id", "store"];

/**
 * Reads what the gateway must know of a Responses body. The vendor lets `model` be absent (a stored prompt, a continued response may name it); here it
 * chooses the provider, so it is required. Span: `model`.
 * @throws GatewayError `invalid_json`, `ambiguous_json`, `invalid_request`.
 */
export function readEnvelope(body: string, call: RouteCall): Envelope {
  const { spans, open, empty } = scanDocument(body, keys);
  const model = readModel(body, spans[0]);
  // A count is one number, whatever the body says.
  const stream = call.route.operation === "generate" && (readSwitch(body, spans[1], "stream") ?? false);
  const maxOutputTokens = readLimit(body, spans[2]);
  const previousResponseId = readPrevious(body, spans[3]);
  const store = readSwitch(body, spans[4], "store");
  return {
    model,
    stream,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(previousResponseId === undefined ? {} : { previousResponseId }),
    ...(store === undefined ? {} : { store }),
    spans: { model: spans[0] },
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
