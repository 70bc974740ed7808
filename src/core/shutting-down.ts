import { GatewayError } from "./errors.ts";

/** The error for a request that the end of the process interrupts, or that arrives too late. */
export function shuttingDown(): GatewayError {
  return new GatewayError("shutting_down", "The gateway is shutting down. Send the request again.");
}
