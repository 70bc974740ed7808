import { GatewayError, hasGatewayKey, asBytes, bytesOf, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import type { ModelCall } from "../model-call.ts";
import { putModel } from "./put-model.ts";
import { readRequestTags } from "./request-tags.ts";
import { readStoredResponse } from "../responses/stored-responses.ts";

/** Takes the tags and the body, and reads its envelope. Routes without a body have their envelope from the stored response they name. */
export function receive(call: ModelCall): Promise<void> {
  const { request, exchange } = call;
  const tags = readRequestTags(exchange.rawHeaders);
  if (tags !== undefined) request.setOwnTags(tags);
  if (request.traits.hasBody) return exchange.readBody().then((parts) => takeNamedBody(call, parts));
  return readStoredResponse(call).then((envelope) => request.setEnvelope(envelope));
}

/** A body that cannot be read is refused, and its entry has the model that the path or the part that can be read names. */
function takeNamedBody(call: ModelCall, parts: readonly Buffer[]): void {
  const { request } = call;
  try {
    takeBody(call, parts);
  } catch (error) {
    if (request.model === "") request.setEnvelope({ ...request.envelope, model: namedModel(request.route.param, request.text) });
    throw error;
  }
}

/** How much of a body is looked at. */
const namedWithin = 4096;
const modelMember = /(?<!\\)"model"\s*:\s*"([^"\\]{1,256})"/;

function namedModel(param: string, text: Bytes): string {
  const name = param === "" ? utf8OfLatin1(asBytes(modelMember.exec(text.slice(0, namedWithin))?.[1] ?? "")) : param;
  return hasGatewayKey(name) ? "" : name;
}

function takeBody({ request }: ModelCall, parts: readonly Buffer[]): void {
  request.setBody(parts, latin1Of(parts));
  if (request.route.route.modelInPath === true) {
    const named = putModel(parts, request.text, request.route.param);
    request.setBody(named, latin1Of(named));
  }
  const envelope = request.protocol.readEnvelope(request.text, request.route);
  if (!hasGatewayKey(envelope.model)) {
    request.setEnvelope(envelope);
    return;
  }
  // Without the name, which the row and the log would repeat.
  request.setEnvelope({ ...envelope, model: "" });
  throw new GatewayError(
    "model_not_found",
    "The model's name contains an API key. Send the key as a credential, and the name of a model here.",
    { param: "model" },
  );
}

function latin1Of(parts: readonly Buffer[]): Bytes {
  if (parts.length === 1) return bytesOf(parts[0]!);
  let text = "";
  for (const part of parts) text += part.toString("latin1");
  return asBytes(text);
}
