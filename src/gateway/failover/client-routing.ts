import { GatewayError } from "../../core/index.ts";
import { strategies, type Strategy } from "../../upstream/index.ts";
import { cutRouting, isRecord, isTexts, noRouting, readRouting } from "../bodies/routing-members.ts";
import { findHeader } from "../headers/request-headers.ts";
import type { ModelCall } from "../model-call.ts";

/** What a request says of its targets. */
export interface ClientRouting {
  /** Models to ask when that of the request has failed, for whatever reason. */
  readonly models: readonly string[];
  /** Names of providers, in lower case: those to ask first, in this order. */
  readonly order: readonly string[];
  /** No others are asked; empty: all. */
  readonly only: readonly string[];
  readonly ignore: readonly string[];
  readonly strategy: Strategy | undefined;
  readonly allowsOthers: boolean;
  /** Highest prices of a million tokens, US dollars. */
  readonly maxInputUsd: number | undefined;
  readonly maxOutputUsd: number | undefined;
}

const fallbacksHeader = "x-tokligence-fallbacks";
const strategyHeader = "x-tokligence-strategy";
/** Longer lists are cut. */
const mostModels = 10;

/** OpenRouter's words; throughput is no measure of this gateway's. */
const strategyOfSort: Readonly<Record<string, Strategy>> = { price: "cheapest", latency: "fastest", throughput: "fastest" };

/**
 * Reads the headers `x-tokligence-fallbacks: a, b` and `x-tokligence-strategy`, and OpenRouter's fields `models` and
 * `provider: {order, only, ignore, sort, allow_fallbacks, max_price}`, which are cut out of the body: other providers refuse them. `undefined`: there is none of them, or
 * (`asSent`) the provider acts on them itself.
 * @throws GatewayError `invalid_request` for a strategy that does not exist.
 */
export function takeClientRouting(call: ModelCall, asSent: boolean): ClientRouting | undefined {
  const { request, exchange } = call;
  const { spans } = request.envelope;
  const named = findHeader(exchange.rawHeaders, fallbacksHeader);
  const strategy = readStrategy(findHeader(exchange.rawHeaders, strategyHeader));
  const { models, provider } = asSent ? noRouting : readRouting(request.text, spans);
  if (named === undefined && strategy === undefined && models === undefined && provider === undefined) return undefined;
  const rest = cutRouting(request.text, spans, { models, provider });
  if (rest !== undefined) {
    request.replaceBody(rest.text);
    call.takenParams = rest.names;
  }
  const maxPrice = isRecord(provider?.["max_price"]) ? provider["max_price"] : {};
  const all = [...(named ?? "").split(","), ...(models ?? [])].map((model) => model.trim());
  return {
    models: [...new Set(all)].filter((model) => model !== "" && model !== request.model).slice(0, mostModels),
    order: namesOf(provider?.["order"]),
    only: namesOf(provider?.["only"]),
    ignore: namesOf(provider?.["ignore"]),
    strategy: strategy ?? sortOf(provider?.["sort"]),
    allowsOthers: provider?.["allow_fallbacks"] !== false,
    maxInputUsd: priceOf(maxPrice["prompt"]),
    maxOutputUsd: priceOf(maxPrice["completion"]),
  };
}

function readStrategy(value: string | undefined): Strategy | undefined {
  if (value === undefined || value === "") return undefined;
  const strategy = strategies.find((one) => one === value.trim());
  if (strategy !== undefined) return strategy;
  throw new GatewayError("invalid_request", `Invalid value for the header ${strategyHeader}: expected one of ${strategies.join(", ")}.`, {
    param: strategyHeader,
  });
}

/** `"price"`, or `{"by": "price"}`. */
function sortOf(sort: unknown): Strategy | undefined {
  const by = isRecord(sort) ? sort["by"] : sort;
  return typeof by === "string" ? strategyOfSort[by] : undefined;
}

function namesOf(list: unknown): readonly string[] {
  return isTexts(list) ? list.map((name) => name.toLowerCase()) : [];
}

function priceOf(value: unknown): number | undefined {
  const price = typeof value === "string" ? Number(value) : value;
  return typeof price === "number" && Number.isFinite(price) ? price : undefined;
}
