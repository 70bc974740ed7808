import type { Clock, GlobList } from "../../core/index.ts";
import { mayUseTarget } from "../../gateway/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { formatUsd, reckonCost } from "../../ledger/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import { formatDuration } from "../../settings/index.ts";
import { explainModel, type ResolvedTarget } from "../../upstream/index.ts";
import type { Snapshot } from "./snapshot.ts";

/** The plan of a model as it is now, with prices. */
export function explainRoute(
  { catalog, prices, workMode }: Pick<Snapshot, "catalog" | "prices" | "workMode">,
  clock: Clock,
  asked: { readonly model: string; readonly dialect: ProtocolId; readonly modelLists?: readonly GlobList[] | undefined },
): OperationAnswer<"routes.explain"> {
  const { model, dialect, modelLists: lists } = asked;
  const mayUse = lists && ((name: string, target: ResolvedTarget) => mayUseTarget(lists, name, target));
  const { targets, hedge, ...explained } = explainModel(catalog, { model, dialect, workMode, nowMs: clock.monotonic(), mayUse });
  const million = (provider: string, priced: string, kind: "input" | "output"): string | null => {
    const rates = prices.rates(provider, priced, clock.now(), 0);
    const cost = rates === undefined ? undefined : reckonCost(rates, { input: 0, output: 0, [kind]: 1_000_000 });
    return cost === undefined ? null : formatUsd(cost);
  };
  return {
    ...explained,
    hedge: typeof hedge === "number" ? formatDuration(hedge) : (hedge ?? "off"),
    targets: targets.map(({ isKept: kept, firstContentMs, totalMs, firstContentP95Ms, totalP95Ms, inFlight, ...target }) => ({
      ...target,
      kept,
      input_usd: million(target.provider, target.model, "input"),
      output_usd: million(target.provider, target.model, "output"),
      first_content_ms: firstContentMs,
      total_ms: totalMs,
      first_content_p95_ms: firstContentP95Ms,
      total_p95_ms: totalP95Ms,
      in_flight: inFlight,
    })),
  };
}
