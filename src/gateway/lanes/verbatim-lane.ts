import { applyEdits, GatewayError, parseLatin1, SseSplitter, type Edit, type Bytes, asBytes } from "../../core/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { forwardRequestHeaders } from "../headers/request-headers.ts";
import { AnswerTranslator } from "./answer-translator.ts";
import type { ReadAnswer, VerbatimLane } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { AnsweredError, setOutputLimit, type Patch } from "../../protocols/index.ts";
import { checkValues, parseBody, refuseAnswer } from "../bodies/parse-body.ts";
import { mayHaveRouting, withoutRouting } from "../bodies/routing-members.ts";
import { reportChanges } from "./report-losses.ts";
import { spliceParts } from "../bodies/splice-parts.ts";
import { cachingOf } from "../prompt-caches/caching-of.ts";
import { openSummary, withoutSeals } from "../proofs/index.ts";

/** The client's own protocol: the received bytes go out, with small edits spliced in where something must change, and come back as they are. */
export function createVerbatimLane(call: ModelCall, attempt: Attempt): VerbatimLane {
  const { protocol, route, parts, envelope } = call.request;
  const { provider, upstreamModel } = attempt;
  const target = protocol.upstreamPath(route, upstreamModel);
  const patch = {
    ...(upstreamModel === envelope.model ? {} : { model: upstreamModel }),
    ...(provider.quirks.noStreamOptions === true ? { noStreamOptions: true } : {}),
  };
  const body = parts.length === 0 ? undefined : bodyOf(call, attempt, patch);
  // The usage chunk was asked for by the gateway alone.
  const hideUsage = envelope.stream && envelope.includeUsage === false && provider.quirks.noStreamOptions !== true;
  return {
    request: {
      method: target.method,
      path: route.query === "" ? target.path : `${target.path}?${route.query}`,
      headers: forwardRequestHeaders(call.exchange.rawHeaders, protocol),
      body,
    },
    kind: "verbatim",
    readJson(whole) {
      try {
        const facts = protocol.readAnswer(whole, route);
        // A stored response that failed, or an answer that broke off, says why in a field of its own, in the upstream's words.
        const hasWords = facts.stopReason === "failed" || facts.broken !== undefined;
        return { facts, body: hasWords ? asBytes(call.current.redactor.whole(whole, provider)) : whole };
      } catch (cause) {
        if (cause instanceof AnsweredError) throw cause;
        throw new GatewayError(
          "upstream_invalid_response",
          `The provider "${provider.name}" answered something that is no JSON object of its protocol. Check its base_url and protocols.`,
          { cause },
        );
      }
    },
    readOtherForm: (whole) => readOtherForm(call, attempt, whole),
    openStream(contentType) {
      const arraySplitter = contentType.startsWith("application/json") ? protocol.createArraySplitter?.() : undefined;
      return {
        splitter: arraySplitter ?? new SseSplitter(),
        tap: protocol.createTap({ hideUsage }),
        jsonArray: arraySplitter !== undefined,
      };
    },
  };
}

/** The bound on output that the budget's rest sets. */
function limitEdits({ request, reservation }: ModelCall, { provider }: Attempt): readonly Edit[] {
  const { protocol, text } = request;
  const outputLimit = reservation?.outputLimit;
  if (outputLimit === undefined) return [];
  const { maxOutputTokens: names } = protocol.params.names;
  const place = typeof names === "string" ? names : (names.find((name) => name === provider.quirks.maxTokensField) ?? names[0]);
  return [setOutputLimit(text, place, outputLimit)];
}

function bodyOf(call: ModelCall, attempt: Attempt, patch: Patch): readonly Buffer[] {
  const own = ownEdits(call, attempt);
  return rewrittenParts(call, attempt, patch, own) ?? editedParts(call, patch, own);
}

/** The received parts with the edits that every request of the provider gets. */
function editedParts(call: ModelCall, patch: Patch, own: readonly Edit[]): readonly Buffer[] {
  const { protocol, route, parts, envelope } = call.request;
  const edits = inOrder(protocol.planEdits(envelope, route, patch), own);
  return edits.length === 0 ? parts : spliceParts(parts, edits);
}

/** Edits of the gateway's own. */
function ownEdits(call: ModelCall, attempt: Attempt): readonly Edit[] {
  const seals = withoutSeals(call.request.text, call.request.protocol.proofs, (sealed) => openSummary(call, sealed));
  const isMarked = attempt.caching === "auto" && call.request.traits.hasOutput;
  if (call.guarded === undefined && call.reservation?.outputLimit === undefined && !isMarked) return seals;
  return [...seals, ...(call.guarded?.edits ?? []), ...limitEdits(call, attempt), ...(isMarked ? markEdits(call, attempt) : [])];
}

/** Cache marks, if the configuration asks for them. */
function markEdits(call: ModelCall, attempt: Attempt): readonly Edit[] {
  const { protocol, text, envelope } = call.request;
  const { provider, upstreamModel: model } = attempt;
  const target = { model, stream: envelope.stream, quirks: provider.modelQuirks.of(model), traits: provider.traits };
  return protocol.markOwnBody?.(text, { ...target, caching: cachingOf(call, attempt) }) ?? [];
}

/**
 * The body for a server that would refuse it as it is; `undefined` if it would not.
 * @throws GatewayError `body_too_complex`, `invalid_request` where a change refuses the request (`gateway.on_loss`).
 */
function rewrittenParts(call: ModelCall, attempt: Attempt, patch: Patch, own: readonly Edit[]): readonly Buffer[] | undefined {
  const { protocol, route, traits } = call.request;
  const mayFit = attempt.provider.ownModelQuirks !== undefined && protocol.fitOwnBody !== undefined && traits.hasOutput;
  if (!mayFit && !mayHaveRouting(call, attempt)) return undefined;
  const edited = own.length === 0 ? call.request.text : applyEdits(call.request.text, inOrder([], own));
  const unrouted = withoutRouting(call, attempt, edited);
  const text = (mayFit ? fittedText(call, attempt, unrouted) : undefined) ?? unrouted;
  if (text === edited) return undefined;
  const whole = [Buffer.from(text, "latin1")];
  const edits = protocol.planEdits(protocol.readEnvelope(text, route), route, patch);
  return edits.length === 0 ? whole : spliceParts(whole, edits);
}

/** As the model's own quirks want it; `undefined` if it fits. */
function fittedText(call: ModelCall, attempt: Attempt, text: Bytes): string | undefined {
  const { provider, upstreamModel } = attempt;
  const fitted = call.request.protocol.fitOwnBody!(text, {
    model: upstreamModel,
    quirks: provider.ownModelQuirks!.ownOf(upstreamModel),
    beforeParse: (body) => checkValues(call, body),
  });
  if (fitted !== undefined) reportChanges(call, attempt, fitted.losses, parseLatin1(call.request.text));
  return fitted?.text;
}

function inOrder(some: readonly Edit[], others: readonly Edit[]): readonly Edit[] {
  return others.length === 0 ? some : [...some, ...others].sort((one, other) => one.start - other.start || one.end - other.end);
}

/** Through the neutral form, as for a translation from the protocol to itself; the ledger records what the upstream reported. */
export function readOtherForm(call: ModelCall, attempt: Attempt, whole: Bytes): ReadAnswer {
  const { deps } = call;
  const { protocol, route } = call.request;
  const { model, stream, includeUsage = false, jsonArray = false } = call.request.envelope;
  const answers = new AnswerTranslator({
    upstream: deps.protocols.get(protocol.id)!.upstream,
    dialect: protocol,
    client: { model, includeUsage, jsonArray, request: protocol.parseRequest(parseBody(call), route) },
    provider: attempt.provider,
    refuse: (text, isLong) => refuseAnswer(text, attempt.provider.name, call.current, isLong),
    nowSeconds: () => Math.floor(deps.clock.now() / 1000),
  });
  return stream ? answers.replay(answers.parse(whole)) : answers.render(answers.collect(whole));
}
