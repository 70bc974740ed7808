import type { JsonObject, JsonValue } from "./json.ts";
import { isObject } from "./json.ts";
import { checkCredential } from "./mock-gate.ts";
import { createGeneration } from "./mock-generation.ts";
import { answerListed, answerPosted } from "./mock-plain.ts";
import type { BareStage } from "./mock-play-plain.ts";
import { playError, playPlain, playUnknown } from "./mock-play-plain.ts";
import { protocolMocks } from "./mock-protocols.ts";
import { createResponsesStore } from "./mock-responses-store.ts";
import type { Route } from "./mock-routes.ts";
import type { MockUpstreamOptions } from "./mock-upstream.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import type { Protocol, RequestFacts, Scenario } from "./scenario.ts";

/** Answers recorded requests; holds what later requests may refer to. */
export type Answering = {
  readonly answer: (request: RecordedRequest, bare: BareStage, takeQueued: () => Scenario | undefined) => Promise<void>;
  readonly reset: () => void;
};

/** The brain of the mock upstream: from a recorded request to what is played. */
export function createAnswering(options: MockUpstreamOptions): Answering {
  const store = createResponsesStore();
  const models = options.models ?? ["mock-large", "mock-small"];
  const generation = createGeneration({
    store,
    validate: options.validate !== false,
    models: options.models,
    countsText: options.countsText,
  });

  const answer = (request: RecordedRequest, bare: BareStage, takeQueued: () => Scenario | undefined): Promise<void> => {
    const { route } = request;
    if (route === null) return playUnknown(bare, request);
    const refused = checkCredential(route.vendor, request, options.apiKeys);
    if (refused !== null) return playError(bare, route, refused, request.serial);
    if (request.method !== "POST") return playPlain(bare, request, route, {}, answerListed(route, request, { store, models }));

    const takeScenario = (facts: RequestFacts | null): Scenario => takeQueued() ?? options.choose?.(request, facts) ?? {};
    const body = parseBody(request.body);
    const protocol = readProtocol(route);
    if (protocol !== undefined) return generation.play({ request, route, protocol, body, bare, takeScenario });
    const scenario = takeScenario(null);
    if (scenario.trouble?.kind === "error") return playError(bare, route, scenario.trouble.error, request.serial);
    return playPlain(bare, request, route, scenario, answerPosted(route, request, body ?? {}, scenario, store));
  };

  return {
    answer,
    reset: () => {
      store.clear();
      generation.reset();
    },
  };
}

function readProtocol(route: Route): Protocol | undefined {
  return Object.hasOwn(protocolMocks, route.name) ? (route.name as Protocol) : undefined;
}

function parseBody(bytes: Buffer): JsonObject | null {
  try {
    const value = JSON.parse(bytes.length === 0 ? "{}" : bytes.toString("utf8")) as JsonValue;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
