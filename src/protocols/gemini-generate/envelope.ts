import { GatewayError, readString, scanDocument, scanObject, skipSpace, skipValue, type Span } from "../../core/index.ts";
import type { Envelope, RouteCall } from "../protocol.ts";
import { outputLimitKeys, readOutputLimits, type OwnLimits } from "../shared/output-limits.ts";
import { bareModel } from "./model-name.ts";

const keys = ["model", "requests", "generateContentRequest", "generate_content_request", ...outputLimitKeys] as const;
const ownLimits: OwnLimits = { names: ["maxOutputTokens", "max_output_tokens"], isNested: true };
const modelKey = ["model"] as const;
const maxModelLength = 256;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/**
 * Reads what the gateway must know before it parses the body. The path has the model and whether the answer streams. The body is read for the output
 * limit, and for the places where it repeats the model's name: the spans are `model`, `generateContentRequest.model`, `requests[0].model`, …
 * @throws GatewayError `invalid_json`, `ambiguous_json`, and `invalid_request`, also if a repeated name differs from the path's.
 */
export function readEnvelope(body: string, call: RouteCall): Envelope {
  if (call.route.method === "GET") {
    return { model: bareModel(call.param), stream: false, spans: {}, insertAt: 0, empty: true };
  }
  const model = checkModel(bareModel(call.param));
  const object = scanDocument(body, keys);
  const [own, requests, camelRequest, snakeRequest] = object.spans;
  const names: Names = { body, model, spans: {} };
  take(names, "model", own);
  takeInner(names, "generateContentRequest", camelRequest ?? snakeRequest);
  if (call.route.operation === "batch-embed") takeRequests(names, requests);
  const stream = call.route.stream ?? false;
  return {
    model,
    stream,
    ...(stream && !/(?:^|&)(?:\$|%24)?alt=sse(?:&|$)/i.test(call.query) ? { jsonArray: true } : {}),
    ...readOutputLimits(body, object.spans, 4, ownLimits),
    spans: names.spans,
    insertAt: object.open + 1,
    empty: object.empty,
  };
}

function checkModel(model: string): string {
  if (model === "") throw invalid("model", "name the model in the path, as in /v1beta/models/NAME:generateContent");
  if (model.length > maxModelLength) throw invalid("model", `at most ${maxModelLength} characters`);
  return model;
}

/** The places where a body names the model, as they are found. */
interface Names {
  readonly body: string;
  /** As the path names it. */
  readonly model: string;
  readonly spans: Record<string, Span>;
}

/** Notes where the body names the model. The vendor refuses a name other than the path's, and a key may be limited to one model. */
function take({ body, model, spans }: Names, path: string, span: Span | undefined): void {
  if (span === undefined || body.startsWith("null", span.start)) return;
  const name = readString(body, span);
  if (name === undefined) throw invalid(path, "expected a string");
  if (bareModel(name) !== model) throw invalid(path, "expected the model that the path names");
  spans[path] = span;
}

function takeInner(names: Names, path: string, span: Span | undefined): void {
  if (span === undefined || names.body.charCodeAt(span.start) !== openBrace) return;
  take(names, `${path}.model`, scanObject(names.body, span.start, modelKey).spans[0]);
}

function takeRequests(names: Names, array: Span | undefined): void {
  const { body } = names;
  if (array === undefined || body.charCodeAt(array.start) !== openBracket) return;
  let at = skipSpace(body, array.start + 1);
  if (body.charCodeAt(at) === closeBracket) return;
  for (let index = 0; ; index++) {
    const end = skipValue(body, at);
    takeInner(names, `requests[${index}]`, { start: at, end });
    at = skipSpace(body, end);
    if (body.charCodeAt(at) === closeBracket) return;
    if (body.charCodeAt(at) !== comma) throw new GatewayError("invalid_json", `The body is not valid JSON: expected "," at byte ${at}.`);
    at = skipSpace(body, at + 1);
  }
}

function invalid(path: string, message: string): GatewayError {
  return new GatewayError("invalid_request", `Invalid value at "${path}": ${message}.`, { param: path });
}
