import { GatewayError, readBoolean, readString, scanDocument, type Span } from "../../core/index.ts";
import { outputLimitKeys, readOutputLimits, type OwnLimits } from "../shared/output-limits.ts";
import { routingKeys, routingSpans } from "../shared/routing-fields.ts";
import type { Envelope, RouteCall } from "../protocol.ts";

const keys = ["model", "stream", ...outputLimitKeys, ...routingKeys] as const;
const ownLimits: OwnLimits = { names: ["max_tokens"], isNested: false };
const maxModelLength = 256;

/**
 * Reads what the gateway must know before it parses the body: `{"model":"…","stream":true,"max_tokens":1024,…}`. Spans: `model`, `stream`.
 * @throws GatewayError `invalid_json`, `ambiguous_json`, and `invalid_request` with the parameter that is wrong.
 */
export function readEnvelope(body: string, call: RouteCall): Envelope {
  if (call.route.method === "GET") {
    return { model: call.param, stream: false, spans: {}, insertAt: 0, empty: true };
  }
  const object = scanDocument(body, keys);
  const [model, stream] = object.spans;
  return {
    model: readModel(body, model),
    stream: readStream(body, stream),
    ...readOutputLimits(body, object.spans, 2, ownLimits),
    spans: { model, stream, ...routingSpans(object.spans) },
    insertAt: object.open + 1,
    empty: object.empty,
  };
}

function readModel(body: string, span: Span | undefined): string {
  if (span === undefined) throw invalid("model", "model: Field required. Name the model to use.");
  const model = readString(body, span);
  if (model === undefined) throw invalid("model", "model: expected a string.");
  if (model === "") throw invalid("model", "model: must not be empty. Name the model to use.");
  if (model.length > maxModelLength) throw invalid("model", `model: must have at most ${maxModelLength} characters.`);
  return model;
}

function readStream(body: string, span: Span | undefined): boolean {
  if (span === undefined || body.startsWith("null", span.start)) return false;
  const stream = readBoolean(body, span);
  if (stream === undefined) throw invalid("stream", "stream: expected true or false.");
  return stream;
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, { param });
}
