import { GatewayError } from "../../core/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";

/** Parses an answer; an object without fields if the JSON is not an object. @throws GatewayError `upstream_invalid_response`. */
export function parseAnswerObject(body: string): WireObject {
  let wire: unknown;
  try {
    wire = JSON.parse(body);
  } catch (cause) {
    throw new GatewayError("upstream_invalid_response", "The provider's answer is not JSON.", { cause });
  }
  return isObject(wire) ? wire : {};
}
