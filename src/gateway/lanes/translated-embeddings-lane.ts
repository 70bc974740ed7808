import { GatewayError, latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import { estimateText, type EmbeddingRequest, type Usage } from "../../ir/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { EmbeddingsLane } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { parseBody, refuseAnswer } from "../bodies/parse-body.ts";
import { reportLosses } from "./report-losses.ts";
import { translatedHeaders } from "./translated-lane.ts";

/**
 * Embeddings of a provider that speaks another protocol. What its wire has no place for is reported, or refuses the request (`gateway.on_loss`). Where
 * the provider reports no count, the tokens are estimated and the answer says so.
 * @throws GatewayError `invalid_request` where the request is not one of the client's dialect.
 */
export function createTranslatedEmbeddingsLane(call: ModelCall, attempt: Attempt): EmbeddingsLane {
  const { provider, upstreamModel, protocol } = attempt;
  const outer = call.deps.protocols.get(protocol)!;
  const { embeddings } = call.deps.protocols.get(protocol)!.upstream;
  const wire = parseBody(call);
  const request = call.request.protocol.parseEmbedding?.(wire, call.request.route);
  if (request === undefined || embeddings === undefined) throw new GatewayError("not_served", `${protocol} has no embeddings.`);
  const { operation, value, losses } = embeddings.render(request, upstreamModel);
  reportLosses(call, attempt, losses, wire);
  const route = { method: "POST" as const, path: "", operation };
  return {
    request: {
      ...outer.upstreamPath({ route, param: upstreamModel, query: "" }, upstreamModel),
      headers: translatedHeaders(call, outer.requiredHeaders, false),
      body: [Buffer.from(value, "utf8")],
    },
    kind: "embeddings",
    readJson(whole) {
      const refusal = refuseAnswer(whole, provider.name, call.current, true);
      if (refusal !== undefined) throw refusal;
      const { vectors, inputTokens } = embeddings.parse(utf8OfLatin1(whole));
      if (vectors.length !== request.inputs.length) {
        throw new GatewayError(
          "upstream_invalid_response",
          `The provider "${provider.name}" answered ${vectors.length} vectors for ${request.inputs.length} texts.`,
        );
      }
      const usage: Usage = { input: inputTokens ?? estimateInputs(call, attempt, request), output: 0 };
      call.answer.isEstimated = inputTokens === undefined;
      const body = call.request.protocol.renderEmbedding!({ model: call.request.model, vectors, inputTokens: usage.input! }, request);
      return { facts: inputTokens === undefined ? {} : { usage }, estimate: usage, body: latin1OfUtf8(body) };
    },
  };
}

function estimateInputs(call: ModelCall, { provider, upstreamModel }: Attempt, { inputs }: EmbeddingRequest): number {
  const estimate = inputs.reduce((sum, text) => sum + estimateText(text), 0);
  return call.deps.calibration.correct(provider.name, upstreamModel, Math.max(1, estimate));
}
