import { GatewayError } from "../core/index.ts";
import { paramLabel, spellLoss, spellRefusal, type Loss, type Rendered } from "../protocols/index.ts";
import type { Attempt } from "../upstream/index.ts";
import type { ModelCall } from "./model-call.ts";

/**
 * What a rendering has lost, told in the client's words: in `x-tokligence-dropped-params`, the log and the metrics, or as the 400 where `gateway.on_loss`
 * is refuse. `wire`: the client's request as parsed JSON.
 * @throws GatewayError `invalid_request` where losses refuse the request.
 */
export function reportLosses(call: ModelCall, attempt: Attempt, losses: readonly Loss[], wire: unknown): void {
  const { params } = call.protocol;
  const dropped = losses.filter((loss) => loss.action === "dropped").map((loss) => spellLoss(loss, params, wire));
  if (dropped.length > 0 && call.current.onLoss === "refuse") {
    const what = dropped.map((loss) => `${loss.param} (${loss.reason})`).join("; ");
    throw new GatewayError("invalid_request", `The model "${call.model}" has no place for ${what}, and gateway.on_loss is refuse.`, {
      param: dropped[0]!.param,
    });
  }
  const names = [...new Set(dropped.map((loss) => loss.param))];
  call.losses = names.map((param) => ({ param, label: paramLabel(param, params), to: attempt.protocol }));
}

/** Renders a request; a refusal speaks of what the client wrote, not of the neutral form. */
export function renderForClient(call: ModelCall, wire: unknown, render: () => Rendered<string>): Rendered<string> {
  try {
    return render();
  } catch (error) {
    throw spellRefusal(error, call.protocol.params, wire);
  }
}
