import type { Delivery } from "../delivery.ts";
import type { TracedAttempt } from "../trace.ts";

/** An attempt that is over, as its span shows it. */
export function tracedAttempt({ call, attempt, entry, key }: Delivery): TracedAttempt {
  const { settlement, usage, modelServed, servedTier: tier, upstreamRequestId } = entry;
  const { operation, envelope } = call.request;
  return {
    attempt,
    operation,
    keyId: key?.id,
    stream: envelope.stream,
    modelServed,
    usage,
    tier,
    stopReason: settlement?.facts?.stopReason,
    httpStatus: settlement?.httpStatus ?? 0,
    errorCode: settlement?.errorCode,
    upstreamRequestId,
  };
}
