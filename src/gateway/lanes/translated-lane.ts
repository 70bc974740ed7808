import { applyEdits, hasGatewayKey, SseSplitter } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import type { CachingTarget, ClientContext, Rendered, StreamDecoder } from "../../protocols/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { TranslatingPipe } from "./translating-pipe.ts";
import { AnswerTranslator, streamType } from "./answer-translator.ts";
import { findHeader } from "../headers/request-headers.ts";
import { cachingOf } from "../prompt-caches/caching-of.ts";
import { isHeavy, nextTurn } from "../bodies/heavy-body.ts";
import type { TranslatedLane } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { withoutRouting } from "../bodies/routing-members.ts";
import { checkTexts, checkTools, parseExactBody, refuseAnswer } from "../bodies/parse-body.ts";
import {
  AnswerSealer,
  callsToFind,
  EventSealer,
  openSummary,
  originOf,
  returnProofs,
  sealBlocks,
  type KeptProofs,
  type ProofContent,
  type ProofOrigin,
} from "../proofs/index.ts";
import { answerIdOf, asRequested } from "../responses/own-response.ts";
import { renderForClient, reportLosses } from "./report-losses.ts";

/**
 * Another protocol: the request is parsed into the neutral form and rendered for the upstream; its answer goes the other way. What the upstream's wire
 * has no place for is reported, or refuses the request (`gateway.on_loss`).
 * @throws GatewayError `invalid_request` where the request is not one of the client's dialect, or loses what must not be lost.
 */
export function openTranslatedLane(call: ModelCall, attempt: Attempt): TranslatedLane | Promise<TranslatedLane> {
  if (isHeavy(call.request)) return openInSteps(call, attempt);
  const wire = parseWire(call, attempt);
  const request = parseRequest(call, wire);
  const foreign = fitForeign(call, request);
  const proofs = proofsOf(call, attempt);
  const found = findProofs(call, attempt, foreign, proofs);
  return found instanceof Promise
    ? found.then((kept) =>
        createLane(call, attempt, { request, proofs, rendered: renderCached(call, attempt, { wire, foreign, proofs, kept }) }),
      )
    : createLane(call, attempt, { request, proofs, rendered: renderCached(call, attempt, { wire, foreign, proofs, kept: found }) });
}

/** The same for a long body: no step of it keeps the event loop for long. */
async function openInSteps(call: ModelCall, attempt: Attempt): Promise<TranslatedLane> {
  const wire = parseWire(call, attempt);
  await nextTurn();
  const request = parseRequest(call, wire);
  await nextTurn();
  const foreign = fitForeign(call, request);
  const proofs = proofsOf(call, attempt);
  const kept = await findProofs(call, attempt, foreign, proofs);
  await nextTurn();
  const caching = cachingOf(call, attempt);
  await nextTurn();
  const rendered = render(call, attempt, { wire, foreign, proofs, kept }, caching);
  await nextTurn();
  return createLane(call, attempt, { request, proofs, rendered });
}

function parseWire(call: ModelCall, attempt: Attempt): unknown {
  const edited = call.guarded === undefined ? call.request.text : applyEdits(call.request.text, call.guarded.edits);
  return parseExactBody(call, withoutRouting(call, attempt, edited));
}

function parseRequest(call: ModelCall, wire: unknown): ChatRequest {
  const request = call.request.protocol.parseRequest(wire, call.request.route);
  checkTools(request);
  checkTexts(call, request);
  return request;
}

/** The request in terms that other protocols have, too. */
export function fitForeign(call: ModelCall, request: ChatRequest): ChatRequest {
  return call.request.protocol.toForeign?.(request, { openSummary: (sealed) => openSummary(call, sealed) }) ?? request;
}

function findProofs(call: ModelCall, attempt: Attempt, request: ChatRequest, { origin }: UserProofs): ReturnType<KeptProofs["find"]> {
  return call.deps.keptProofs.find(
    call.request.principal.userId,
    callsToFind(request, call.request.protocol.proofs, { upstreamSignsCalls: signsCalls(call, attempt), family: origin.family }),
  );
}

interface ReadRequest {
  /** The body, parsed. */
  readonly wire: unknown;
  readonly foreign: ChatRequest;
  readonly proofs: UserProofs;
  /** Proofs of earlier calls that the client has no field for, by call id. */
  readonly kept: ReadonlyMap<string, string>;
}

interface RenderedRequest {
  /** As the client sent it. */
  readonly request: ChatRequest;
  readonly proofs: UserProofs;
  readonly rendered: Rendered<string>;
}

function renderCached(call: ModelCall, attempt: Attempt, request: ReadRequest): Rendered<string> {
  return render(call, attempt, request, cachingOf(call, attempt));
}

/** Renders the request for the upstream, and reports what is lost. */
function render(call: ModelCall, attempt: Attempt, { wire, foreign, proofs, kept }: ReadRequest, caching: CachingTarget): Rendered<string> {
  const { provider, upstreamModel, protocol } = attempt;
  const upstream = call.deps.protocols.get(protocol)!.upstream;
  const returned = returnProofs(foreign, {
    carrier: call.request.protocol.proofs,
    upstreamSignsCalls: signsCalls(call, attempt),
    origin: proofs.origin,
    open: proofs.open,
    kept,
  });
  const rendered = renderForClient(call, wire, () =>
    upstream.renderRequest(withLimit(returned.request, call.reservation?.outputLimit), {
      model: upstreamModel,
      stream: call.request.envelope.stream,
      quirks: provider.modelQuirks.of(upstreamModel),
      traits: provider.traits,
      caching,
    }),
  );
  reportLosses(call, attempt, returned.losses.length === 0 ? rendered.losses : [...returned.losses, ...rendered.losses], wire);
  return rendered;
}

function signsCalls(call: ModelCall, attempt: Attempt): boolean {
  return call.deps.protocols.get(attempt.protocol)!.proofs.signsCalls;
}

function createLane(call: ModelCall, attempt: Attempt, { request, proofs, rendered }: RenderedRequest): TranslatedLane {
  const { provider } = attempt;
  const { envelope } = call.request;
  const upstream = call.deps.protocols.get(attempt.protocol)!.upstream;
  const sealer = new AnswerSealer({
    carrier: call.request.protocol.proofs,
    origin: proofs.origin,
    seal: proofs.seal,
  });
  const client: ClientContext = {
    model: envelope.model,
    includeUsage: envelope.includeUsage ?? false,
    jsonArray: envelope.jsonArray ?? false,
    ...answerIdOf(call),
    sealSummary: (summary) => proofs.seal({ origin: proofs.origin, reasoning: [], summary }),
    request: asRequested(call, request),
  };
  const answers = new AnswerTranslator({
    upstream,
    dialect: call.request.protocol,
    client,
    provider,
    refuse: (text, isLong) => refuseAnswer(text, provider.name, call.current, isLong),
    toolNames: rendered.toolNames,
    change: (content) => sealBlocks(content, sealer),
    nowSeconds: () => nowSeconds(call),
  });
  return {
    request: requestOf(call, attempt, rendered.value),
    kind: "translated",
    turns: upstream.createPausedTurns?.(rendered.value),
    readJson: (whole) => answers.render(answers.parse(whole)),
    readOtherForm: (whole) => (envelope.stream ? answers.replay(answers.parse(whole)) : answers.render(answers.collect(whole))),
    openStream: () => {
      const decoder = checkedDecoder(call, provider.name, upstream.createStreamDecoder(rendered.toolNames));
      const pipe = new TranslatingPipe(
        decoder,
        new EventSealer(sealer),
        call.request.protocol.createStreamEncoder(client),
        nowSeconds(call),
      );
      return {
        splitter: new SseSplitter(),
        tap: pipe,
        jsonArray: client.jsonArray,
        contentType: streamType(client),
        // The elements of an array are no events, and nothing of them is repeated in an error.
        ...(client.jsonArray ? {} : { factsSent: () => pipe.factsSent(call.request.protocol.createTap({ hideUsage: false })) }),
      };
    },
    keepProofs: () => (sealer.kept.length === 0 ? undefined : call.deps.keptProofs.keep(call.request.principal.userId, sealer.kept)),
  };
}

/** The request as it goes to the upstream. */
function requestOf(call: ModelCall, { protocol, upstreamModel }: Attempt, body: string): TranslatedLane["request"] {
  const outer = call.deps.protocols.get(protocol)!;
  const { streamQuery } = outer.upstream;
  const { stream } = call.request.envelope;
  const target = outer.upstreamPath(
    { route: { method: "POST", path: "", operation: "generate", stream }, param: upstreamModel, query: "" },
    upstreamModel,
  );
  return {
    method: target.method,
    path: stream && streamQuery !== undefined ? `${target.path}?${streamQuery}` : target.path,
    headers: translatedHeaders(call, outer.requiredHeaders, stream),
    body: [Buffer.from(body, "utf8")],
  };
}

/** With the bound on output that the budget's rest sets. */
function withLimit(request: ChatRequest, maxOutputTokens: number | undefined): ChatRequest {
  return maxOutputTokens === undefined ? request : { ...request, maxOutputTokens };
}

/** Seals for the user, with what they are good for. */
interface UserProofs {
  readonly origin: ProofOrigin;
  readonly seal: (content: ProofContent) => string;
  readonly open: (sealed: string) => ProofContent | undefined;
}

function proofsOf(call: ModelCall, attempt: Attempt): UserProofs {
  const { sealer } = call.deps;
  const { userId } = call.request.principal;
  return {
    origin: originOf(attempt),
    seal: (content) => sealer.seal(userId, JSON.stringify(content)),
    open: (sealed) => {
      const text = sealer.open(userId, sealed);
      // Only this program seals: what opens is what it wrote.
      return text === undefined ? undefined : (JSON.parse(text) as ProofContent);
    },
  };
}

function nowSeconds(call: ModelCall): number {
  return Math.floor(call.deps.clock.now() / 1000);
}

/** The client's own protocol headers mean nothing to another vendor. */
export function translatedHeaders(call: ModelCall, required: readonly (readonly [string, string])[], stream: boolean): string[] {
  const headers = ["content-type", "application/json", "accept", stream ? "text/event-stream" : "application/json"];
  for (const name of ["user-agent", "traceparent", "tracestate", "idempotency-key"]) {
    const value = findHeader(call.exchange.rawHeaders, name);
    if (value !== undefined && !hasGatewayKey(value)) headers.push(name, value);
  }
  for (const [name, value] of required) headers.push(name, value);
  return headers;
}

/** An event that would take too long to parse ends the stream. */
function checkedDecoder(call: ModelCall, provider: string, decoder: StreamDecoder): StreamDecoder {
  return {
    push(event) {
      const refusal = refuseAnswer(event.data, provider, call.current);
      return refusal === undefined ? decoder.push(event) : [{ type: "error", error: { status: refusal.status, message: refusal.message } }];
    },
    end: () => decoder.end(),
  };
}
