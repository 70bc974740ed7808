import { GatewayError, latin1OfUtf8, readBoolean, readString, type Edit, type Span } from "../../core/index.ts";
import type { Envelope } from "../protocol.ts";

/** Longer names of models exist nowhere, and a log line is no place for them. */
const maxModelLength = 256;

/** The `model` of a body. @throws GatewayError `invalid_request` where it is missing, no string, or too long. */
export function readModel(body: string, span: Span | undefined): string {
  if (span === undefined) {
    throw new GatewayError("invalid_request", 'The body has no "model". Name the model that shall answer.', { param: "model" });
  }
  const model = readString(body, span);
  if (model === undefined || model === "") {
    throw new GatewayError("invalid_request", 'Invalid value for "model": expected the name of a model, a string that is not empty.', {
      param: "model",
    });
  }
  if (model.length > maxModelLength) {
    throw new GatewayError("invalid_request", `Invalid value for "model": expected at most ${maxModelLength} characters.`, {
      param: "model",
    });
  }
  return model;
}

/** An optional switch; `null` counts as absent. @throws GatewayError `invalid_request` where it is neither true nor false. */
export function readSwitch(body: string, span: Span | undefined, param: string): boolean | undefined {
  if (span === undefined || isNull(body, span)) return undefined;
  const value = readBoolean(body, span);
  if (value === undefined) throw new GatewayError("invalid_request", `Invalid value for "${param}": expected true or false.`, { param });
  return value;
}

export function isNull(body: string, span: Span): boolean {
  return body.startsWith("null", span.start);
}

/** The edit that puts the upstream's name of the model in the place of the client's; none where the body holds it already. */
export function modelEdits(envelope: Envelope, model: string | undefined): Edit[] {
  const span = envelope.spans["model"];
  if (span === undefined || model === undefined || model === envelope.model) return [];
  return [{ start: span.start, end: span.end, text: latin1OfUtf8(JSON.stringify(model)) }];
}

/** The edit that takes out the option which asks the gateway for the cost (`usageOption`). */
export function optionEdits({ spans }: Envelope): Edit[] {
  const span = spans["usageOption"];
  return span === undefined ? [] : [{ ...span, text: "" }];
}
