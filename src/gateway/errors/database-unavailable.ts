import { GatewayError } from "../../core/index.ts";

/** The client hears nothing about the database itself: its operator reads that in the log and in `/health`. */
export function databaseUnavailable(cause?: unknown): GatewayError {
  return new GatewayError("database_unavailable", "The gateway's database is not available at the moment. Try again soon.", {
    retryAfterSeconds: 5,
    cause,
  });
}
