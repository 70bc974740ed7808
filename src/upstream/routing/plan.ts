import { GatewayError } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { operations, type Operation, type ProtocolTable } from "../../protocols/index.ts";
import type { TargetStates } from "../resilience/target-states.ts";
import type { Attempt, Fallback, Plan, PlanInput, Provider, Resolution } from "../types.ts";
import { fallbackReasons, type FallbackReason } from "./targets.ts";

/** Operations that only some protocols have: those with a route for it. All others go with whatever the provider prefers. */
export type CapableProtocols = { readonly [O in Operation]?: readonly ProtocolId[] };

export function capableProtocols(table: ProtocolTable): CapableProtocols {
  const having = (operation: Operation): readonly ProtocolId[] =>
    [...table.values()].filter(({ routes }) => routes.some((route) => route.operation === operation)).map(({ id }) => id);
  // Several texts of one request are a batch, or several requests.
  return { embed: having("embed"), "batch-embed": having("embed"), "count-tokens": having("count-tokens") };
}

export interface PlanContext {
  readonly provider: (name: string) => Provider | undefined;
  readonly states: TargetStates;
  readonly capable: CapableProtocols;
}

/**
 * The ways to serve a request, best first: for each target the client's own protocol if the provider speaks it, otherwise the first one that it
 * lists. Pure.
 * @throws GatewayError `model_not_found` if no provider serves the model; `work_mode_refused` if the mode excludes all targets; `not_served` if an
 * embedding is requested and no target has embeddings.
 */
export function chooseAttempts(resolution: Resolution, { provider, states, capable }: PlanContext, input: PlanInput): readonly Attempt[] {
  const all: Attempt[] = [];
  let unable: Provider | undefined;
  for (const target of resolution.targets) {
    const found = provider(target.provider);
    if (found === undefined) continue;
    const caching = resolution.caching ?? found.caching;
    if (hasOperation(found, input.operation, capable[input.operation]))
      all.push({
        ...routeOf(found, input, capable[input.operation]),
        provider: found,
        upstreamModel: target.upstreamModel,
        weight: target.weight ?? 1,
        ...(caching === undefined ? {} : { caching }),
        turn: { current: 0 },
        states: states.of(found, stateNameOf(target.upstreamModel, input.operation)),
      });
    else unable ??= found;
  }
  if (all.length === 0) {
    if (unable !== undefined) throw withoutEmbeddings(unable, input);
    throw new GatewayError("model_not_found", resolution.problem ?? `No provider serves the model "${input.model}".`, { param: "model" });
  }
  const allowed = all.filter((attempt) => isAllowed(attempt, input));
  if (allowed.length === 0) throw refusedByMode(all[0]!, input);
  return allowed;
}

/**
 * The plan of a model: its attempts, and those of its fallbacks as far as they can be asked.
 * @param resolve finds the targets of a fallback.
 * @throws GatewayError as `chooseAttempts`.
 */
export function choosePlan(resolution: Resolution, context: PlanContext, input: PlanInput, resolve: (model: string) => Resolution): Plan {
  const { strategy, hasAffinity, hedge, fallbacks } = resolution;
  const attempts = chooseAttempts(resolution, context, input);
  const alias = resolution.isAlias ? resolution.model : undefined;
  if (fallbacks === undefined) return { alias, attempts, strategy, hasAffinity, hedge, fallbacks };
  const chosen: { [R in FallbackReason]?: readonly Fallback[] } = {};
  for (const reason of fallbackReasons) {
    const names = fallbacks[reason];
    if (names === undefined) continue;
    chosen[reason] = names.flatMap((model) => {
      const found = attemptsOrNone(resolve(model), context, { ...input, model });
      return found.length === 0 ? [] : [{ model, attempts: found }];
    });
  }
  return { alias, attempts, strategy, hasAffinity, hedge, fallbacks: chosen };
}

/** A counter of tokens has limits and failures of its own. */
function stateNameOf(upstreamModel: string, operation: Operation): string {
  return operations[operation].translation === "count" ? `${upstreamModel} (counts)` : upstreamModel;
}

/** A fallback that cannot be asked is passed over. */
export function attemptsOrNone(resolution: Resolution, context: PlanContext, input: PlanInput): readonly Attempt[] {
  try {
    return chooseAttempts(resolution, context, input);
  } catch (error) {
    if (error instanceof GatewayError) return [];
    throw error;
  }
}

/** Tokens can be estimated if the provider does not count them; an embedding cannot. */
function hasOperation(provider: Provider, operation: Operation, capable: readonly ProtocolId[] | undefined): boolean {
  return (
    provider.builtin ||
    operations[operation].translation === "count" ||
    capable === undefined ||
    provider.protocols.some((id) => capable.includes(id))
  );
}

function withoutEmbeddings(provider: Provider, { model }: PlanInput): GatewayError {
  return new GatewayError(
    "not_served",
    `The model "${model}" is served by the provider ${provider.name} over ${provider.protocols.join(", ")}, which has no embeddings. ` +
      "Choose an embedding model of another provider.",
    { param: "model" },
  );
}

function routeOf(provider: Provider, input: PlanInput, capable: readonly ProtocolId[] | undefined): Pick<Attempt, "protocol" | "lane"> {
  if (provider.builtin) return { protocol: input.clientProtocol, lane: "builtin" };
  const protocol = protocolFor(provider, input, capable);
  return { protocol, lane: protocol === input.clientProtocol ? "verbatim" : "translated" };
}

function protocolFor(provider: Provider, { clientProtocol }: PlanInput, capable: readonly ProtocolId[] | undefined): ProtocolId {
  if (provider.protocols.includes(clientProtocol)) return clientProtocol;
  return provider.protocols.find((id) => capable?.includes(id) === true) ?? provider.protocols[0]!;
}

function isAllowed(attempt: Attempt, { workMode }: PlanInput): boolean {
  switch (workMode) {
    case "auto":
      return true;
    case "passthrough":
      return attempt.lane !== "translated";
    case "translation":
      return attempt.lane === "translated" || attempt.lane === "builtin";
  }
}

function refusedByMode(attempt: Attempt, { model, clientProtocol, workMode }: PlanInput): GatewayError {
  const served = `The model "${model}" is served by the provider ${attempt.provider.name}, which speaks ${attempt.provider.protocols.join(", ")}`;
  const message =
    workMode === "passthrough"
      ? `${served}, not ${clientProtocol}, and the gateway's work_mode is passthrough: it forwards and does not translate. Call the model ` +
        `with a client of that protocol, choose a model whose provider speaks ${clientProtocol}, or set gateway.work_mode to auto.`
      : `${served} and so needs no translation from ${clientProtocol}, and the gateway's work_mode is translation: it does not forward. ` +
        `Choose a model whose provider does not speak ${clientProtocol}, or set gateway.work_mode to auto.`;
  return new GatewayError("work_mode_refused", message, { param: "model" });
}
