import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";

/**
 * The attempt over another protocol of the same provider, if the model refuses this request in the client's own; else the same attempt. A gateway that only forwards
 * sends it as it is.
 */
export function reroute(call: ModelCall, attempt: Attempt): Attempt {
  const { protocol, text, traits } = call.request;
  const { provider, upstreamModel: model } = attempt;
  if (attempt.lane !== "verbatim" || protocol.otherProtocol === undefined || !traits.hasOutput) return attempt;
  if (call.stored !== undefined || call.current.workMode === "passthrough") return attempt;
  const other = protocol.otherProtocol(text, { model, quirks: provider.modelQuirks.of(model), traits: provider.traits });
  return other === undefined || !provider.protocols.includes(other) ? attempt : { ...attempt, protocol: other, lane: "translated" };
}
