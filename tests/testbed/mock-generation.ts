import { resolveScenario } from "./default-scenario.ts";
import { checkProofs } from "./foreign-proof.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { asString } from "./json.ts";
import { checkVersion } from "./mock-gate.ts";
import { geminiArrayMock } from "./mock-gemini.ts";
import type { WireResponse } from "./mock-openai-responses-object.ts";
import type { BareStage } from "./mock-play-plain.ts";
import { playError } from "./mock-play-plain.ts";
import { playJson, playStream } from "./mock-player.ts";
import { protocolMocks } from "./mock-protocols.ts";
import type { ResponsesStore } from "./mock-responses-store.ts";
import type { Route } from "./mock-routes.ts";
import { createThreadStore } from "./mock-threads.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import type { Answer, Protocol, RequestFacts, Scenario, ScenarioError } from "./scenario.ts";

/** Unix seconds; fixed, so that answers are the same in every run. */
const CREATED_AT = 1_795_443_310;

/** A request for a generation; `body` is null if it is no JSON object. */
type GenerationCall = {
  readonly request: RecordedRequest;
  readonly route: Route;
  readonly protocol: Protocol;
  readonly body: JsonObject | null;
  readonly bare: BareStage;
  readonly takeScenario: (facts: RequestFacts | null) => Scenario;
};

/** Answers requests for a generation. */
export type Generation = { readonly play: (call: GenerationCall) => Promise<void>; readonly reset: () => void };

type Turn = GenerationCall & { readonly scenario: Scenario; readonly given: Answer };

/** `models` are the only ones that exist; absent: any does. */
export function createGeneration(deps: {
  readonly store: ResponsesStore;
  readonly validate: boolean;
  readonly models: readonly string[] | undefined;
  readonly countsText?: boolean | undefined;
}): Generation {
  const { store, models, countsText } = deps;
  const threads = createThreadStore();

  const play = (call: GenerationCall): Promise<void> => {
    const { request, route, protocol } = call;
    const fail = (error: ScenarioError): Promise<void> => playError(call.bare, route, error, request.serial);
    const beta = request.headers["anthropic-beta"];
    const unchanged = call.body === null ? null : { body: call.body };
    const expanded = call.body !== null && protocol === "anthropic-messages" ? threads.expand(call.body, String(beta)) : unchanged;
    const body = expanded !== null && "body" in expanded ? expanded.body : null;
    const facts = body === null ? null : protocolMocks[protocol].readFacts(body);
    const scenario = call.takeScenario(facts);
    if (scenario.trouble?.kind === "error") return fail(scenario.trouble.error);
    if (expanded !== null && "error" in expanded) return fail(expanded.error);
    if (body === null || facts === null) return fail({ status: 400, message: "We could not parse the JSON body of your request." });
    const model = route.target ?? asString(body["model"]);
    const invalid = deps.validate ? check(call, body, model) : null;
    if (invalid !== null) return fail(invalid);
    request.scenario = resolveScenario(scenario, { protocol, facts, body: request.body, serial: request.serial, countsText });
    const given = { serial: request.serial, createdAt: CREATED_AT, model: model ?? "", request: body, facts, scenario: request.scenario };
    const isStream = route.framing !== "none" || (protocol !== "gemini-generate" && body["stream"] === true);
    const turn: Turn = { ...call, scenario, given };
    return isStream ? playStreamed(turn) : playWhole(turn);
  };

  const check = (call: GenerationCall, body: JsonObject, model: string | undefined): ScenarioError | null => {
    const isUnknown = models !== undefined && model !== undefined && !models.includes(model);
    const unknown = isUnknown ? { status: 404, message: `The model \`${model}\` does not exist or you do not have access to it.` } : null;
    const invalid = checkVersion(call.route.vendor, call.request) ?? protocolMocks[call.protocol].validate(body, model);
    const proofs = invalid ?? checkProofs(call.protocol, call.request.body.toString());
    return proofs ?? (call.protocol === "openai-responses" ? store.checkReferences(body) : null) ?? unknown;
  };

  const playWhole = ({ request, route, protocol, bare, scenario, given }: Turn): Promise<void> => {
    const { trouble } = scenario;
    if (trouble?.kind === "error-event") return playError(bare, route, trouble.error, request.serial);
    const mock = protocolMocks[protocol];
    const whole = mock.renderJson(given);
    keep(protocol, given, whole);
    // A body that is cut or never ends has reported no usage.
    if (trouble === undefined || (trouble.kind === "hang" && trouble.until !== undefined)) request.reportedUsage = given.scenario.usage;
    const shown = protocol === "openai-responses" && given.request["background"] === true ? queued(whole as WireResponse) : whole;
    return playJson({ ...bare, trouble }, 200, { ...mock.headers(request.serial), ...scenario.headers }, shown);
  };

  const playStreamed = ({ request, route, protocol, bare, scenario, given }: Turn): Promise<void> => {
    const { trouble } = scenario;
    const mock = route.framing === "array" ? geminiArrayMock : protocolMocks[protocol];
    const script = mock.renderStream(given);
    const contentType = route.framing === "array" ? "application/json; charset=UTF-8" : "text/event-stream; charset=utf-8";
    return playStream({ ...bare, trouble }, script, {
      headers: { "content-type": contentType, "cache-control": "no-cache", ...mock.headers(request.serial), ...scenario.headers },
      delayBetweenChunksMs: scenario.delayBetweenChunksMs,
      writeBytes: scenario.writeBytes,
      renderErrorEvent: (first) => mock.renderErrorEvent(trouble?.kind === "error-event" ? trouble.error : { status: 500 }, given, first),
      onOpening: () => (request.reportedUsage = script.earlyUsage),
      onFinish: () => {
        request.reportedUsage = script.usage;
        keep(protocol, given, mock.renderJson(given));
      },
    });
  };

  /** Keeps what a later request may refer to. */
  const keep = (protocol: Protocol, given: Answer, whole: object): void => {
    if (protocol === "openai-responses")
      store.keep({ ...(whole as WireResponse), background: given.request["background"] === true }, given.request);
    if (protocol === "anthropic-messages") {
      const { id, content } = whole as { id: string; content: JsonValue };
      threads.keep(given.request, id, content);
    }
  };

  return { play, reset: threads.clear };
}

/** A background response is queued first, and complete when it is read. */
function queued(whole: WireResponse): WireResponse {
  return { ...whole, background: true, status: "queued", output: [], usage: null };
}
