import type { Principal } from "../accounts/index.ts";
import { GatewayError, holdsGatewayKey } from "../core/index.ts";
import { planAttempts, type Attempt } from "../upstream/index.ts";
import type { Protocol, RouteCall } from "../protocols/index.ts";
import { checkAllowed, checkNamedModels } from "./allowed-models.ts";
import { answerBuiltin } from "./answer-builtin.ts";
import type { GatewayDeps } from "./deps.ts";
import type { ClientExchange } from "./exchange.ts";
import { asGatewayError, ModelCall } from "./model-call.ts";
import { answerError } from "./answer-error.ts";
import { databaseUnavailable } from "./database-unavailable.ts";
import { countTokens, learnFromUsage } from "./count-tokens.ts";
import { finishCall } from "./finish-call.ts";
import type { Lane } from "./lane.ts";
import { isHeavy, nextTurn } from "./heavy-body.ts";
import { holdBudget } from "./hold-budget.ts";
import { readRequestTags } from "./request-tags.ts";
import { sendUpstream } from "./send-upstream.ts";
import { createTranslatedEmbeddingsLane } from "./translated-embeddings-lane.ts";
import { openTranslatedLane } from "./translated-lane.ts";
import { putModel } from "./put-model.ts";
import { createVerbatimLane } from "./verbatim-lane.ts";
import { continueConversation } from "./responses/continue.ts";
import { serveHeld } from "./responses/serve-held.ts";
import { runsHere, startBackground } from "./responses/start-background.ts";
import { pinTo, readStoredResponse } from "./stored-responses.ts";

/** The life of a request on a model route. The edge has found the route and the principal. */
export async function handleModelCall(
  deps: GatewayDeps,
  exchange: ClientExchange,
  principal: Principal,
  protocol: Protocol,
  route: RouteCall,
): Promise<void> {
  const recorded = deps.bodies.record(exchange, route.route.operation);
  const call = new ModelCall(deps, recorded ?? exchange, principal, protocol, route);
  try {
    await receive(call);
    if (isHeavy(call)) await nextTurn();
    if (call.stored?.held === true) {
      checkAllowed(call.principal, call.current.catalog, call.model);
      await serveHeld(call);
      return;
    }
    admit(call);
    const planned = plan(call);
    const attempts = planned instanceof Promise ? await planned : planned;
    checkNamedModels(call, attempts);
    guard(call);
    if (isHeavy(call)) await nextTurn();
    const held = holdBudget(call, attempts);
    if (held !== undefined) await held;
    if (runsHere(call, attempts)) await startBackground(call, attempts, sendWithFailover);
    else await sendWithFailover(call, attempts);
  } catch (error) {
    await answerError(call, asGatewayError(error, deps, exchange.requestId));
  } finally {
    // One that goes on in the background reports when it is over.
    if (call.background === undefined) finishCall(call);
    learnFromUsage(call);
    // What a client of a response in the background has got is what its first attempt began with.
    recorded?.end(call.background === undefined ? call.attempts : 1);
  }
}

/** Takes the tags and the body, and reads its envelope. Routes without a body have their envelope from the stored response they name. */
async function receive(call: ModelCall): Promise<void> {
  call.tags = readRequestTags(call.exchange.rawHeaders);
  if (call.route.route.method !== "POST" || call.route.route.operation === "cancel-response") {
    call.envelope = await readStoredResponse(call);
    return;
  }
  call.parts = await call.exchange.readBody();
  call.text = latin1Of(call.parts);
  if (call.route.route.modelInPath === true) {
    call.parts = putModel(call.parts, call.text, call.route.param);
    call.text = latin1Of(call.parts);
  }
  const envelope = call.protocol.readEnvelope(call.text, call.route);
  if (holdsGatewayKey(envelope.model)) {
    // Without the name, which the row and the log would repeat.
    call.envelope = { ...envelope, model: "" };
    throw new GatewayError(
      "model_not_found",
      "The model's name contains an API key. Send the key as a credential, and the name of a model here.",
      {
        param: "model",
      },
    );
  }
  call.envelope = envelope;
}

function latin1Of(parts: readonly Buffer[]): string {
  if (parts.length === 1) return parts[0]!.toString("latin1");
  let text = "";
  for (const part of parts) text += part.toString("latin1");
  return text;
}

/** What must hold before anything is planned: a key that may call the model, and a ledger that takes records. */
function admit(call: ModelCall): void {
  checkAllowed(call.principal, call.current.catalog, call.model);
  if (call.deps.databaseProblem() !== undefined) throw databaseUnavailable();
  if (!call.deps.ledger.healthy()) {
    throw new GatewayError(
      "ledger_unavailable",
      "The gateway cannot record usage at the moment and therefore serves no requests. Try again soon.",
      {
        retryAfterSeconds: 5,
      },
    );
  }
}

/** Looks for an agent that repeats itself, once the whole conversation is there. @throws GatewayError `duplicate_tool_call`. */
function guard(call: ModelCall): void {
  if (call.route.route.operation !== "generate") return;
  const guarded = call.deps.toolCallGuard.check(call.text, call.protocol, call.route, call.current.duplicateGuard);
  if (guarded === undefined) return;
  call.guarded = guarded;
  const { tool, count } = guarded;
  call.deps.logger.warn(
    { request_id: call.exchange.requestId, user_id: call.principal.userId, tool: tool.slice(0, 100), count },
    "an agent repeats one tool call and gets one result: the model was told",
  );
}

/** A promise only where a stored response decides: all others are planned at once. */
function plan(call: ModelCall): readonly Attempt[] | Promise<readonly Attempt[]> {
  const attempts = planAttempts(call.current.catalog, {
    model: call.model,
    clientProtocol: call.protocol.id,
    operation: call.route.route.operation,
    workMode: call.current.workMode,
  });
  return call.stored === undefined ? continueConversation(call, attempts) : pinTo(call, attempts, call.stored, "id");
}

/** Tries one attempt after the other, as long as nothing has gone to the client and the failure allows it. */
async function sendWithFailover(call: ModelCall, attempts: readonly Attempt[]): Promise<void> {
  let failure: GatewayError | undefined;
  for (const attempt of attempts) {
    if (attempt.lane === "builtin") {
      await answerBuiltin(call, attempt);
      return;
    }
    if (call.route.route.operation === "count-tokens") {
      await countTokens(call, attempt);
      return;
    }
    const lane = openLane(call, attempt);
    const outcome = await sendUpstream(call, attempt, lane instanceof Promise ? await lane : lane);
    if (outcome === undefined) return;
    failure = outcome.error;
    if (!outcome.nextTarget) break;
  }
  throw failure ?? new GatewayError("model_not_found", `No provider serves the model "${call.model}".`, { param: "model" });
}

/** @throws GatewayError where the request cannot be made for this provider. */
function openLane(call: ModelCall, attempt: Attempt): Lane | Promise<Lane> {
  // What an attempt before this one lost is not lost here.
  call.losses = [];
  call.unnamedLosses = undefined;
  if (attempt.lane !== "translated") return createVerbatimLane(call, attempt);
  switch (call.route.route.operation) {
    case "generate":
      return openTranslatedLane(call, attempt);
    case "embed":
    case "batch-embed":
      return createTranslatedEmbeddingsLane(call, attempt);
    default:
      throw untranslated(call, attempt);
  }
}

function untranslated(call: ModelCall, attempt: Attempt): GatewayError {
  return new GatewayError(
    "translation_unavailable",
    `The model "${call.model}" is served by the provider "${attempt.provider.name}", which speaks ${attempt.protocol}; this operation ` +
      `of ${call.protocol.id} is not translated yet. Call the model in its own dialect.`,
    { param: "model" },
  );
}
