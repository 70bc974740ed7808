import { GatewayError, hasGatewayKey, asBytes, bytesOf, type Bytes } from "../../core/index.ts";
import type { ModelCall } from "../model-call.ts";
import { putModel } from "./put-model.ts";
import { readRequestTags } from "./request-tags.ts";
import { readStoredResponse } from "../responses/stored-responses.ts";

/** Takes the tags and the body, and reads its envelope. Routes without a body have their envelope from the stored response they name. */
export function receive(call: ModelCall): Promise<void> {
  const { request, exchange } = call;
  const tags = readRequestTags(exchange.rawHeaders);
  if (tags !== undefined) request.setOwnTags(tags);
  if (request.traits.hasBody) return exchange.readBody().then((parts) => takeBody(call, parts));
  return readStoredResponse(call).then((envelope) => request.setEnvelope(envelope));
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
