import type { ModelCall } from "../model-call.ts";

/** Before another attempt of the same request: whether the deadline of all of them leaves time for it. What the last one took is counted. */
export function hasTimeLeft(call: ModelCall): boolean {
  const nowMs = call.deps.clock.monotonic();
  const { entry, answer, request } = call;
  const { timeouts } = entry!.attempt!.provider;
  call.deadlineAt ??= entry!.dispatchedMs + (request.envelope.stream ? timeouts.streamTotalMs : timeouts.totalMs);
  answer.earlierMs += nowMs - entry!.dispatchedMs;
  answer.upstreamMs = 0;
  return nowMs < call.deadlineAt;
}
