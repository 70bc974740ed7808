import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../core/index.ts";
import { handleModelCall, type GatewayDeps, type GatewaySnapshot } from "../gateway/index.ts";
import type { ChatRequest, ChatResponse } from "../ir/index.ts";
import type { Protocol, RenderTarget, RouteCall, TokenProbability } from "../protocols/index.ts";
import { createCatalog, type Provider, type TargetStates } from "../upstream/index.ts";
import { CanaryExchange } from "./canary-exchange.ts";
import type { CanaryPrompt, Reply } from "./prompts.ts";

export interface AskDeps {
  readonly gateway: GatewayDeps;
  readonly states: TargetStates;
}

export interface AskedTarget {
  readonly provider: Provider;
  /** The provider's name of the model. */
  readonly model: string;
}

export interface Question {
  readonly prompt: CanaryPrompt;
  readonly principal: Principal;
  readonly requestId: string;
  /** Also ask for the probabilities of the first token, where the protocol has them. */
  readonly wantsProbabilities: boolean;
}

export type CanaryOutcome =
  | {
      readonly kind: "answered";
      readonly reply: Reply;
      readonly region: string;
      readonly probabilities: readonly TokenProbability[] | undefined;
    }
  /** `code` of the error; `askedProbabilities`: they may be the reason. */
  | { readonly kind: "failed"; readonly status: number; readonly code: string; readonly askedProbabilities: boolean };

/** Enough for a model that always reasons. */
const maxOutputTokens = 1024;
const topTokens = 5;
/** An answer is not waited for any longer. */
const longestMs = 120_000;

/**
 * Asks a target by the way of all requests: its provider's own protocol, limits, budgets and ledger. No other target is asked in its place, and no answer of the response
 * cache.
 */
export async function askCanary(
  { gateway, states }: AskDeps,
  target: AskedTarget,
  question: Question,
  onExchange: (exchange: CanaryExchange) => void,
): Promise<CanaryOutcome> {
  const { protocol, route } = callOf(gateway, target);
  const { prompt, principal, requestId, wantsProbabilities } = question;
  const renderTarget = renderTargetOf(target);
  const rendered = protocol.upstream.renderRequest(requestOf(prompt, target.model, protocol), renderTarget);
  const asking = wantsProbabilities ? protocol.upstream.probabilities?.ask(rendered.value, renderTarget, topTokens) : undefined;
  const body = asking ?? rendered.value;
  const exchange = new CanaryExchange({ requestId, startedMs: gateway.clock.monotonic(), body });
  onExchange(exchange);
  const cancel = gateway.schedule(longestMs, () => {
    exchange.leave();
  });
  try {
    await handleModelCall(ownDeps(gateway, states, target), exchange, { principal, protocol, route });
  } finally {
    cancel();
  }
  const { answer } = exchange;
  const askedProbabilities = body !== rendered.value;
  if (answer === undefined) return { kind: "failed", status: 0, code: "", askedProbabilities };
  const { status } = answer;
  if (status !== 200) return { kind: "failed", status, code: protocol.parseError(status, answer.body).code ?? "", askedProbabilities };
  try {
    const response = protocol.upstream.parseResponse(answer.body, rendered.toolNames);
    const probabilities = askedProbabilities ? protocol.upstream.probabilities?.read(answer.body) : undefined;
    return { kind: "answered", reply: replyOf(response), region: response.usage.region ?? "", probabilities };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { kind: "failed", status, code: error.code, askedProbabilities: false };
  }
}

/** The provider's protocol that gives probabilities, if it has one, else the one that it prefers. */
function callOf({ protocols }: GatewayDeps, { provider, model }: AskedTarget): { readonly protocol: Protocol; readonly route: RouteCall } {
  const spoken = provider.protocols.flatMap((id) => protocols.get(id) ?? []);
  const protocol = spoken.find(({ upstream }) => upstream.probabilities !== undefined) ?? spoken[0]!;
  const route = protocol.routes.find(
    ({ method, operation, stream, modelInPath }) =>
      method === "POST" && operation === "generate" && stream !== true && modelInPath !== true,
  )!;
  return { protocol, route: { route, param: route.path.includes("{model}") ? model : "", query: "" } };
}

function renderTargetOf({ provider, model }: AskedTarget): RenderTarget {
  return { model, stream: false, quirks: provider.modelQuirks.of(model), traits: provider.traits, caching: { mode: "off" } };
}

/** As little reasoning as the model takes, and the provider's own temperature: a distribution is compared. */
function requestOf({ text, tool }: CanaryPrompt, model: string, { id, storesAnswers }: Protocol): ChatRequest {
  return {
    model,
    stream: false,
    messages: [{ role: "user", content: [{ type: "text", text }] }],
    ...(tool === undefined ? {} : { tools: [tool] }),
    reasoning: { enabled: false },
    maxOutputTokens,
    ...(storesAnswers ? { extensions: { [id]: { store: false } } } : {}),
  };
}

/** The gateway as a canary sees it: one model of one provider. */
function ownDeps(deps: GatewayDeps, states: TargetStates, { provider, model }: AskedTarget): GatewayDeps {
  const snapshot = deps.current();
  // A name without wildcards is its own pattern.
  const catalog = createCatalog({
    providers: [provider],
    routes: [[model, [provider.name]]],
    aliases: new Map(),
    protocols: deps.protocols,
    states,
  });
  const own: GatewaySnapshot = Object.create(snapshot, {
    catalog: { value: catalog },
    buying: { value: undefined },
    firewall: { value: undefined },
    responseCache: { value: undefined },
    workMode: { value: "auto" },
  }) as GatewaySnapshot;
  return { ...deps, current: () => own, bodies: { record: () => undefined } };
}

function replyOf({ content }: ChatResponse): Reply {
  return {
    text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    calls: content.flatMap((block) => (block.type === "tool-call" ? [{ name: block.name, arguments: block.arguments }] : [])),
  };
}
