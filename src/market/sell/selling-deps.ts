import { GatewayError, GlobList } from "../../core/index.ts";
import type { Principal } from "../../accounts/index.ts";
import type { Caller, GatewayDeps, GatewaySnapshot } from "../../gateway/index.ts";
import { supplyUserId, type CloseRecord } from "../../ledger/index.ts";
import type { ProtocolTable } from "../../protocols/index.ts";
import { createCatalog, type Provider, type UpstreamClient } from "../../upstream/index.ts";
import { marketDialects } from "../documents/kinds.ts";
import { generateRoute } from "../output-bound.ts";
import { MarketRefusal } from "../refusal.ts";
import { resaleSource } from "./gate.ts";
import type { BuyersRedactor } from "./hide-provider.ts";
import type { Share } from "./shares.ts";

/** Learns how the attempts of one sale ended, before the last bytes of its answer leave. */
export interface SaleRecorder {
  closed(record: CloseRecord): void;
  /** Of what a buyer sees. */
  readonly redactor: BuyersRedactor;
  readonly client: UpstreamClient;
}

/** The gateway as a buyer sees it: one model of one provider, no budgets of users, and no bodies stored. */
export function sellingDeps(deps: GatewayDeps, share: Share, recorder: SaleRecorder): GatewayDeps {
  const { ledger } = deps;
  const snapshot = deps.current();
  const provider = snapshot.catalog.provider(share.provider);
  if (provider === undefined || !mayStillSell(provider, share)) throw new MarketRefusal("unavailable", "The model is not available now.");
  const catalog = createCatalog({
    providers: [provider],
    // A name without wildcards is its own pattern.
    routes: share.model === share.upstreamModel ? [[share.model, [share.provider]]] : [],
    aliases: share.model === share.upstreamModel ? new Map() : new Map([[share.model, `${share.provider}/${share.upstreamModel}`]]),
    protocols: deps.protocols,
  });
  const own: GatewaySnapshot = Object.create(snapshot, {
    catalog: { value: catalog },
    redactor: { value: recorder.redactor },
    client: { value: recorder.client },
    // What was bought is not sold again.
    buying: { value: undefined },
  }) as GatewaySnapshot;
  return {
    ...deps,
    current: () => own,
    budgets: {
      of: () => undefined,
      hasTargets: false,
      ofTarget: () => undefined,
      reserve: () => Promise.resolve([]),
      release: () => Promise.resolve(),
      finished: () => undefined,
      countRefusal: () => undefined,
    },
    bodies: { record: () => undefined },
    ledger: {
      open: (record) => ledger.open(record),
      close(attempt, record, isHeld) {
        recorder.closed(record);
        return ledger.close(attempt, record, isHeld);
      },
      refuse(record) {
        recorder.closed(record);
        return ledger.refuse(record);
      },
      release: (attempt, correction) => {
        ledger.release(attempt, correction);
      },
      cost: (...call) => ledger.cost(...call),
      contextWindow: (name, model) => ledger.contextWindow(name, model),
      healthy: () => ledger.healthy(),
    },
  };
}

/** The configuration may have changed since the model was shared: what the gate would refuse now is not sold. */
function mayStillSell(provider: Provider, { terms, upstreamModel }: Share): boolean {
  const { source, contract, licence, price } = terms;
  const isFree = Object.values(price).every((rate) => rate === "0");
  try {
    return (
      resaleSource(provider, { contract, isSameOrganisation: source === "organisation" }, { upstreamModel, licence, isFree }) === source
    );
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}

/** What a sealed request says of itself, before its body: `{"dialect":"openai-chat","path":"/v1/chat/completions"}`. */
export interface SealedTarget {
  readonly dialect: string;
  readonly path: string;
}

/** The call of a route that a buyer may use: making an answer, in a dialect of the market. @throws MarketRefusal `bad_order` */
export function callerOf(protocols: ProtocolTable, { dialect, path }: SealedTarget, node: string, model: string): Caller {
  const id = marketDialects.find((known) => known === dialect);
  const protocol = id === undefined ? undefined : protocols.get(id);
  const found = protocol === undefined ? undefined : generateRoute(protocol, path);
  if (protocol === undefined || found === undefined) throw new MarketRefusal("bad_order", "The request's dialect or path is not served.");
  const principal: Principal = {
    userId: supplyUserId(node),
    username: supplyUserId(node),
    keyId: "",
    role: "user",
    // A second lock beside the catalog, which has no other gateway: a request that was sold goes no further.
    market: "off",
    modelLists: [new GlobList([model])],
  };
  return { principal, protocol, route: found };
}
