import { latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import type { TokenCounter } from "../../protocols/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { CountLane } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { translatedHeaders } from "./translated-lane.ts";

/**
 * A count of tokens by the counter of a provider that speaks another protocol. A count makes no answer, so nothing of one can be lost: no losses.
 * @throws GatewayError `invalid_request` where the request cannot be said in that protocol.
 */
export function createTranslatedCountLane(call: ModelCall, attempt: Attempt, request: ChatRequest, counter: TokenCounter): CountLane {
  const { provider, upstreamModel } = attempt;
  const outer = call.deps.protocols.get(attempt.protocol)!;
  const target = { model: upstreamModel, stream: false, quirks: provider.modelQuirks.of(upstreamModel), traits: provider.traits };
  const route = { method: "POST" as const, path: "", operation: "count-tokens" as const };
  return {
    request: {
      ...outer.upstreamPath({ route, param: upstreamModel, query: "" }, upstreamModel),
      headers: translatedHeaders(call, outer.requiredHeaders, false),
      body: [Buffer.from(counter.render(request, target), "utf8")],
    },
    kind: "count",
    readJson: (whole) => ({ facts: {}, body: latin1OfUtf8(call.request.protocol.renderTokenCount(counter.parse(utf8OfLatin1(whole)))) }),
  };
}
