import { GatewayError, messageOf } from "../../core/index.ts";
import { StoreError } from "../../store/index.ts";
import { databaseUnavailable } from "./database-unavailable.ts";
import type { GatewayDeps } from "../deps.ts";

/** What was thrown, as an error that a client may see; anything unexpected is logged and becomes `internal_error`. */
export function asGatewayError(error: unknown, deps: Pick<GatewayDeps, "logger">, requestId: string): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof StoreError) {
    deps.logger.error({ request_id: requestId, error: error.message }, "the database did not do what a request needs");
    return databaseUnavailable(error);
  }
  const stack = error instanceof Error ? error.stack : undefined;
  deps.logger.error({ request_id: requestId, error: messageOf(error), stack }, "a request failed inside the gateway");
  return new GatewayError("internal_error", `The gateway failed on this request. Its log tells more under ${requestId}.`, { cause: error });
}
