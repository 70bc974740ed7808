import { GatewayError } from "../../core/index.ts";
import { maxLosses, paramLabel, spellLoss, spellRefusal, type Loss, type Rendered, type SpelledPlaces } from "../../protocols/index.ts";
import { headerSafe } from "../headers/header-safe.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { TranslationLoss } from "../observed-request.ts";
import type { ModelCall } from "../model-call.ts";

const noLosses: readonly TranslationLoss[] = [];

/**
 * Reports what a rendering has lost, in the client's words: in `x-tokligence-dropped-params`, the log and the metrics, or as the 400 where `gateway.on_loss`
 * is refuse. `wire`: the client's request as parsed JSON.
 * @throws GatewayError `invalid_request` where losses refuse the request.
 */
export function reportLosses(call: ModelCall, attempt: Attempt, losses: readonly Loss[], wire: unknown): void {
  if (losses.length === 0) {
    call.answer.losses = noLosses;
    call.answer.unnamedLosses = undefined;
    return;
  }
  const { params } = call.request.protocol;
  const dropped = losses.filter((loss) => loss.action === "dropped");
  const { named, unnamed } = nameLosses(dropped, (loss, places) => spellLoss(loss, params, wire, places));
  if (named.size > 0 && call.current.onLoss === "refuse") {
    const what = [...named.values()].map((loss) => `${loss.param} (${loss.reason})`).join("; ");
    const more = unnamed === undefined ? "" : ` ${unnamed}`;
    throw new GatewayError(
      "invalid_request",
      `The model "${call.request.model}" has no place for ${what}${more}, and gateway.on_loss is refuse.`,
      {
        param: [...named.keys()][0]!,
      },
    );
  }
  nameIn(call, attempt, named, unnamed);
}

/**
 * The same for a body that goes to a server of its own protocol: as all else of it goes as it is, every change is named; what is lost may refuse the
 * request.
 * @throws GatewayError `invalid_request` where losses refuse the request.
 */
export function reportChanges(call: ModelCall, attempt: Attempt, losses: readonly Loss[], wire: unknown): void {
  reportLosses(call, attempt, losses, wire);
  const { named, unnamed } = nameLosses(losses, (loss, places) => spellLoss(loss, call.request.protocol.params, wire, places));
  nameIn(call, attempt, named, unnamed);
}

function nameIn(call: ModelCall, attempt: Attempt, named: ReadonlyMap<string, Loss>, unnamed: string | undefined): void {
  call.answer.losses = [...named.keys()].map((param) => ({
    param,
    label: paramLabel(param, call.request.protocol.params),
    to: attempt.protocol,
  }));
  call.answer.unnamedLosses = unnamed;
}

/** What the names of losses may be long in all, as a header has them; proxies and clients refuse a head that is much longer. */
const maxNamesLength = 2000;
/** A field's name comes from the client. */
const maxNameLength = 100;

/** The first losses by their spelled names; the others are counted: `and 12 more`. */
function nameLosses(
  dropped: readonly Loss[],
  spell: (loss: Loss, places: SpelledPlaces) => Loss,
): { readonly named: ReadonlyMap<string, Loss>; readonly unnamed: string | undefined } {
  const places: SpelledPlaces = new Map();
  const named = new Map<string, Loss>();
  let length = 0;
  for (const [index, loss] of dropped.entries()) {
    const spelled = spell(loss, places);
    const isLong = spelled.param.length > maxNameLength;
    const param = isLong ? `${spelled.param.slice(0, maxNameLength).toWellFormed()}...` : spelled.param;
    if (named.has(param)) continue;
    length += headerSafe(param).length + 1;
    if (length > maxNamesLength) {
      const isAll = dropped.length < maxLosses;
      return { named, unnamed: `and ${isAll ? "" : "at least "}${dropped.length - index} more` };
    }
    named.set(param, isLong ? { ...spelled, param } : spelled);
  }
  return { named, unnamed: undefined };
}

/** Renders a request; a refusal speaks of what the client wrote, not of the neutral form. */
export function renderForClient(call: ModelCall, wire: unknown, render: () => Rendered<string>): Rendered<string> {
  try {
    return render();
  } catch (error) {
    throw spellRefusal(error, call.request.protocol.params, wire);
  }
}
