import { applyEdits, memberOf, memberSpan, messageOf, noBytes } from "../../core/index.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamRequest } from "../../upstream/index.ts";
import { maxCost } from "../documents/cost.ts";
import { hashOfBytes, maxClockSkewMs } from "../documents/document.ts";
import { generateRoute, outputBound, withOutputLimit } from "../output-bound.ts";
import { MarketRefusal } from "../refusal.ts";
import { MarketCall } from "./market-call.ts";
import type { MarketClientDeps, MarketRequest } from "./market-request.ts";
import { namesTools } from "./tool-fields.ts";

/** A request to a node of the market: leased, sealed, and checked by its receipt. @param seller the node that is asked, and no other one; any if omitted. */
// The last one is for probes.
// oxlint-disable-next-line max-params
export function buyFrom(deps: MarketClientDeps, request: UpstreamRequest, handler: UpstreamHandler, seller?: string): UpstreamCall {
  const call = new MarketCall(deps, handler);
  let wanted: MarketRequest;
  try {
    wanted = marketRequest(deps, request, seller === undefined ? {} : { only: seller });
  } catch (error) {
    queueMicrotask(() => {
      call.refuse(error instanceof MarketRefusal ? error : new MarketRefusal("bad_order", messageOf(error)));
    });
    return call;
  }
  call.start(wanted);
  return call;
}

interface AskedSellers {
  /** A seller of an exchange that has refused the request. */
  readonly refused?: string;
  readonly only?: string;
}

/** @throws MarketRefusal if the model is not offered now. */
function marketRequest(deps: MarketClientDeps, request: UpstreamRequest, { refused, only }: AskedSellers): MarketRequest {
  const { book, protocols, clock } = deps;
  // The plan has no such target for a request that must stay here; what leaves is checked again where it leaves.
  if ((request.market ?? "off") === "off") throw new MarketRefusal("bad_order", "The request must not go to another gateway.");
  const { provider, protocol, path, body, model = "", requestId = "", stream } = request;
  const whole = (typeof body === "string" ? Buffer.from(body, "latin1") : Buffer.concat(body ?? [])).toString("latin1");
  const hasTools = namesTools(whole);
  if (provider.isExchange === true) checkExchange(deps, request, hasTools);
  const without = (node: string): boolean => node === refused || (only ?? node) !== node || deps.isAvoided(node);
  const choice = book.choose(provider.name, model, { inputTokens: Math.ceil(whole.length / 4), hasTools, dialect: protocol, without });
  if (choice === undefined) throw new MarketRefusal("unknown_offer", `${provider.name} does not offer "${model}" now.`);
  const { seller, offer } = choice;
  const wire = protocols.get(protocol)!;
  const target = wire.wireRules.hasVersionInBaseUrl ? `/v1${path}` : path;
  const header = JSON.stringify({ dialect: protocol, path: target });
  const text = withOutputLimit(wire, withoutIdentity(whole), offer.body.max_output);
  const sent = Buffer.from(text, "latin1");
  const plain = Buffer.concat([Buffer.from(`${header}\n`), sent]);
  const route = generateRoute(wire, target);
  if (route === undefined) throw new MarketRefusal("bad_order", "Only requests that make an answer are bought.");
  const maxOutput = outputBound(wire, route, text, offer.body.max_output);
  const totalMs = stream ? provider.timeouts.streamTotalMs : provider.timeouts.totalMs;
  return {
    seller,
    offer,
    plain,
    protocol: wire,
    hash: hashOfBytes(plain),
    bodyBytes: sent.length,
    max: maxCost(offer.body.price, sent.length, maxOutput),
    maxOutput,
    asksReasoning: memberOf(text, "thinking") !== undefined,
    requestId,
    ...(provider.isExchange === true && refused === undefined && only === undefined
      ? { withOther: () => marketRequest(deps, request, { refused: seller.node.node }) }
      : {}),
    // The seller's clock may be ahead.
    deadline: clock.now() + totalMs + maxClockSkewMs,
  };
}

/** Sellers of an exchange may be anybody. @throws MarketRefusal `stays_here` */
function checkExchange({ buysTools }: MarketClientDeps, { market, provider }: UpstreamRequest, hasTools: boolean): void {
  if (market !== "any")
    throw new MarketRefusal(
      "stays_here",
      `Requests of this API key do not go to exchanges, as ${provider.name} is: its market setting must be "any".`,
    );
  if (hasTools && !buysTools())
    throw new MarketRefusal(
      "stays_here",
      "Requests with tools are not sent to exchanges, as an agent runs what an answer says. market.buy.tools allows it.",
    );
}

/** Fields that say who the client's user is: they stay here. */
const identityKeys = ["user", "metadata", "safety_identifier", "prompt_cache_key"] as const;

/** The body without what names the user. @throws GatewayError if it is not JSON, or names such a field twice. */
function withoutIdentity(body: string): string {
  let text = body;
  for (const key of identityKeys) {
    const span = memberOf(text, key);
    if (span !== undefined) text = applyEdits(text, [{ ...memberSpan(text, key, span), text: noBytes }]);
  }
  return text;
}
