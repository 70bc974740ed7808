import type { GatewayError } from "../../core/index.ts";
import { errorObject } from "../openai-shared/errors.ts";

/** The event that ends a stream with an error. No `[DONE]` follows, so that an incomplete answer does not look complete. */
export function renderStreamError(error: GatewayError): string {
  return `data: ${JSON.stringify({ error: errorObject(error) })}\n\n`;
}
