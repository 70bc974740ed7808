import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../core/index.ts";
import { planAttempts, type Attempt } from "../upstream/index.ts";
import type { Protocol, RouteCall } from "../protocols/index.ts";
import { answerBuiltin } from "./answer-builtin.ts";
import type { GatewayDeps } from "./deps.ts";
import type { ClientExchange } from "./exchange.ts";
import { asGatewayError, ModelCall } from "./model-call.ts";
import { answerError } from "./answer-error.ts";
import { sendUpstream } from "./send-upstream.ts";
import { pinToStoredResponse, readStoredResponse } from "./stored-responses.ts";

/** The life of a request on a model route. The edge has found the route and the principal. */
export async function handleModelCall(
  deps: GatewayDeps,
  exchange: ClientExchange,
  principal: Principal,
  protocol: Protocol,
  route: RouteCall,
): Promise<void> {
  const call = new ModelCall(deps, exchange, principal, protocol, route);
  try {
    await receive(call);
    admit(call);
    const attempts = plan(call);
    await sendWithFailover(call, attempts instanceof Promise ? await attempts : attempts);
  } catch (error) {
    await answerError(call, asGatewayError(error, deps, exchange.requestId));
  } finally {
    call.report();
  }
}

/** Takes the body and reads its envelope. Routes without a body have their envelope from the stored response they name. */
async function receive(call: ModelCall): Promise<void> {
  if (call.route.route.method !== "POST" || call.route.route.operation === "cancel-response") {
    call.envelope = await readStoredResponse(call);
    return;
  }
  call.parts = await call.exchange.readBody();
  call.text = latin1Of(call.parts);
  call.envelope = call.protocol.readEnvelope(call.text, call.route);
}

function latin1Of(parts: readonly Buffer[]): string {
  if (parts.length === 1) return parts[0]!.toString("latin1");
  let text = "";
  for (const part of parts) text += part.toString("latin1");
  return text;
}

/** What must hold before anything is sent: today, a ledger that takes records. */
function admit(call: ModelCall): void {
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

/** A promise only where a stored response decides: all others are planned at once. */
function plan(call: ModelCall): readonly Attempt[] | Promise<readonly Attempt[]> {
  const attempts = planAttempts(call.current.catalog, {
    model: call.model,
    clientProtocol: call.protocol.id,
    operation: call.route.route.operation,
    workMode: call.current.workMode,
  });
  return pinToStoredResponse(call, attempts);
}

/** Tries one attempt after the other, as long as nothing has gone to the client and the failure allows it. */
async function sendWithFailover(call: ModelCall, attempts: readonly Attempt[]): Promise<void> {
  let failure: GatewayError | undefined;
  for (const attempt of attempts) {
    if (attempt.lane === "translated" && call.route.route.operation !== "generate") throw untranslated(call, attempt);
    if (attempt.lane === "builtin") {
      await answerBuiltin(call, attempt);
      return;
    }
    const outcome = await sendUpstream(call, attempt);
    if (outcome === undefined) return;
    failure = outcome.error;
    if (!outcome.nextTarget) break;
  }
  throw failure ?? new GatewayError("model_not_found", `No provider serves the model "${call.model}".`, { param: "model" });
}

function untranslated(call: ModelCall, attempt: Attempt): GatewayError {
  return new GatewayError(
    "translation_unavailable",
    `The model "${call.model}" is served by the provider "${attempt.provider.name}", which speaks ${attempt.protocol}; this operation ` +
      `of ${call.protocol.id} is not translated yet. Call the model in its own dialect.`,
    { param: "model" },
  );
}
