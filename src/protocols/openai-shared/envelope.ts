import { GatewayError, latin1OfUtf8, readBoolean, readString, type Edit, type Span, noBytes } from "../../core/index.ts";
import type { Envelope } from "../protocol.ts";

/** No vendor has longer names of models, and they would fill the log. */
const maxModelLength = 256;

/** Reads the `model` of a body. @throws GatewayError `invalid_request` if it is missing, not a string, or too long. */
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

/** Reads an optional switch; `null` counts as absent. @throws GatewayError `invalid_request` if it is neither true nor false. */
export function readSwitch(body: string, span: Span | undefined, param: string): boolean | undefined {
  if (span === undefined || isNull(body, span)) return undefined;
  const value = readBoolean(body, span);
  if (value === undefined) throw new GatewayError("invalid_request", `Invalid value for "${param}": expected true or false.`, { param });
  return value;
}

export function isNull(body: string, span: Span): boolean {
  return body.startsWith("null", span.start);
}

/** The edit that replaces the client's model name by the upstream's; none if the body already has it. */
export function modelEdits(envelope: Envelope, model: string | undefined): Edit[] {
  const span = envelope.spans["model"];
  if (span === undefined || model === undefined || model === envelope.model) return [];
  return [{ start: span.start, end: span.end, text: latin1OfUtf8(JSON.stringify(model)) }];
}

/** The edit that removes the option which asks the gateway for the cost (`usageOption`). */
export function optionEdits({ spans }: Envelope): Edit[] {
  const span = spans["usageOption"];
  return span === undefined ? [] : [{ ...span, text: noBytes }];
}
