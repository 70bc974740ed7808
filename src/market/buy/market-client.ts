import { applyEdits, memberIn, memberOf, memberSpan, messageOf, noBytes, readNumber, scanDocument } from "../../core/index.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamRequest } from "../../upstream/index.ts";
import { maxCost } from "../documents/cost.ts";
import { hashOfBytes } from "../documents/document.ts";
import { MarketRefusal } from "../refusal.ts";
import { MarketCall } from "./market-call.ts";
import type { MarketClientDeps, MarketRequest } from "./market-request.ts";

/** A request to a node of the market: leased, sealed, and checked by its receipt. */
export function buyFrom(deps: MarketClientDeps, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
  const call = new MarketCall(deps, handler);
  let wanted: MarketRequest;
  try {
    wanted = marketRequest(deps, request);
  } catch (error) {
    queueMicrotask(() => {
      call.refuse(error instanceof MarketRefusal ? error : new MarketRefusal("bad_order", messageOf(error)));
    });
    return call;
  }
  call.start(wanted);
  return call;
}

const defaultOutput = 4096;

/** @throws MarketRefusal if the model is not offered now. */
function marketRequest({ book, protocols, clock }: MarketClientDeps, request: UpstreamRequest): MarketRequest {
  const { provider, protocol, path, body, model = "", requestId = "", stream } = request;
  const seller = book.seller(provider.name);
  const offer = seller?.offers.get(model);
  if (seller === undefined || offer === undefined)
    throw new MarketRefusal("unknown_offer", `${provider.name} does not offer "${model}" now.`);
  const rules = protocols.get(protocol)!.wireRules;
  const header = JSON.stringify({ dialect: protocol, path: rules.hasVersionInBaseUrl ? `/v1${path}` : path });
  const whole = typeof body === "string" ? Buffer.from(body, "latin1") : Buffer.concat(body ?? []);
  const { text, limit } = withoutIdentity(whole.toString("latin1"));
  const sent = Buffer.from(text, "latin1");
  const plain = Buffer.concat([Buffer.from(`${header}\n`), sent]);
  const most = offer.body.max_output > 0 ? offer.body.max_output : defaultOutput;
  const maxOutput = limit === undefined ? most : Math.min(limit, most);
  const totalMs = stream ? provider.timeouts.streamTotalMs : provider.timeouts.totalMs;
  return {
    seller,
    offer,
    plain,
    hash: hashOfBytes(plain),
    bodyBytes: sent.length,
    max: maxCost(offer.body.price, sent.length, maxOutput),
    maxOutput,
    requestId,
    deadline: clock.now() + totalMs,
  };
}

/** Fields that say who the client's user is: they stay here. */
const identityKeys = ["user", "metadata", "safety_identifier", "prompt_cache_key"] as const;
const limitKeys = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;

/** The body without what names the user, and its limit of output tokens. @throws GatewayError if it is not JSON, or names such a field twice. */
function withoutIdentity(body: string): { readonly text: string; readonly limit: number | undefined } {
  let text = body;
  for (const key of identityKeys) {
    const span = memberOf(text, key);
    if (span !== undefined) text = applyEdits(text, [{ ...memberSpan(text, key, span), text: noBytes }]);
  }
  const { spans } = scanDocument(text, [...limitKeys, "generationConfig"]);
  const nested = memberIn(text, spans[limitKeys.length], "maxOutputTokens");
  const limits = [...spans.slice(0, limitKeys.length), nested].map((span) => readNumber(text, span)).filter((limit) => limit !== undefined);
  return { text, limit: limits.length === 0 ? undefined : Math.max(...limits) };
}
