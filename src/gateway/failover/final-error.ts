import { GatewayError } from "../../core/index.ts";
import type { Attempt, TargetState } from "../../upstream/index.ts";
import { quotaExhausted, refusalIn, retryAfterSeconds } from "../errors/upstream-errors.ts";
import type { ModelCall } from "../model-call.ts";

/** The error if no target may be asked at the moment: 429 with the soonest time, or the quota is used up everywhere. */
export function allOut(call: ModelCall, attempts: readonly Attempt[]): GatewayError {
  const states = attempts.flatMap((attempt) => attempt.states);
  if (states.length > 0 && states.every(({ block }) => block === "quota")) return quotaExhausted(attempts[0]!.provider.name, {});
  return new GatewayError(
    "rate_limited",
    `The providers of the model "${call.request.model}" limit the rate of the gateway's keys at the moment. Wait as long as retry-after says.`,
    { retryAfterSeconds: retryAfterSeconds(soonestMs(call, states)) },
  );
}

/** The last error; if all keys wait for their time, with the soonest. */
export function finalError(call: ModelCall, attempts: readonly Attempt[], error: GatewayError): GatewayError {
  const states = attempts.flatMap((attempt) => attempt.states);
  if (states.length < 2 || refusalIn(error)?.kind !== "throttled" || states.some(({ isClear }) => isClear)) return error;
  const { code, message, status, kind, upstreamCode, upstreamType, upstreamMessage, refusal } = error;
  return new GatewayError(code, message, {
    status,
    kind,
    ...(upstreamCode === undefined ? {} : { upstreamCode }),
    ...(upstreamType === undefined ? {} : { upstreamType }),
    ...(upstreamMessage === undefined ? {} : { upstreamMessage }),
    ...(refusal === undefined ? {} : { refusal }),
    retryAfterSeconds: retryAfterSeconds(soonestMs(call, states)),
  });
}

function soonestMs(call: ModelCall, states: readonly TargetState[]): number {
  return Math.min(...states.map(({ untilMs }) => untilMs)) - call.deps.clock.monotonic();
}
