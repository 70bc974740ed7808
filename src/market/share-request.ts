import { GatewayError } from "../core/index.ts";
import { parseRate, parseUsd } from "../ledger/index.ts";
import type { Catalog } from "../upstream/index.ts";
import type { ShareRequest } from "./admin-types.ts";
import { resaleSource } from "./sell/gate.ts";
import type { Share } from "./sell/shares.ts";

const defaultConcurrency = 3;
const defaultContext = 32_768;
const defaultOutput = 8_192;
/** Nano-credits: the most that one lease reserves. */
const leaseHold = "2000000000";

/** What is shared, checked. @throws GatewayError */
export function shareOf(catalog: Catalog, offer: string, request: ShareRequest): Share {
  const { model } = request;
  if (/[*?[\]!\p{Cc}]/u.test(model) || model.startsWith("@") || model.length > 128) {
    throw new GatewayError("invalid_request", "A model to share has a plain name, and is not one that was bought.", { param: "model" });
  }
  const target = catalog.resolve(model).targets[0];
  const provider = target === undefined ? undefined : catalog.provider(target.provider);
  if (target === undefined || provider === undefined) {
    throw new GatewayError("model_not_found", `No provider serves "${model}"; tokligence route explain ${model} says why.`, {
      param: "model",
    });
  }
  const name = model.startsWith(`${provider.name}/`) ? model.slice(provider.name.length + 1) : model;
  const price = {
    input: rateText("input", request.input),
    output: rateText("output", request.output),
    cache_read: rateText("cache_read", request.cacheRead ?? request.input),
  };
  const { concurrency = defaultConcurrency, context = defaultContext, maxOutput = defaultOutput, licence = "" } = request;
  const affirmed = { contract: request.contract, isSameOrganisation: request.affirm === "same-organisation" };
  const isFree = Object.values(price).every((rate) => rate === "0");
  const source = resaleSource(provider, affirmed, { upstreamModel: target.upstreamModel, licence, isFree });
  const terms = {
    price,
    licence,
    source,
    ...(source === "contract" ? { contract: request.contract } : {}),
    concurrency,
    context,
    maxOutput,
    features: ["tools" as const],
    weights: "",
    quantization: "",
    hold: leaseHold,
  };
  return { model: name, offer, provider: provider.name, upstreamModel: target.upstreamModel, terms };
}

function rateText(param: string, usd: string): string {
  const femto = parseRate(usd);
  if (femto !== undefined && femto < 10n ** 15n) return String(femto);
  throw new GatewayError("invalid_request", `"${param}" must be US dollars a million tokens, as in 0.08, with at most nine places.`, {
    param,
  });
}

/** Credits as nano-credits. @throws GatewayError */
export function creditsOf(param: string, text: string): bigint {
  const nano = parseUsd(text);
  if (nano !== undefined) return nano;
  throw new GatewayError("invalid_request", `"${param}" must be credits as a decimal, as in 5 or 0.5.`, { param });
}
