import { GatewayError } from "../../core/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { Lane } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { createTranslatedEmbeddingsLane } from "./translated-embeddings-lane.ts";
import { openTranslatedLane } from "./translated-lane.ts";
import { createVerbatimLane } from "./verbatim-lane.ts";

/** The lane of an attempt; counts of tokens have theirs from `countTokens`. @throws GatewayError if the request cannot be made for this provider. */
export function openLane(call: ModelCall, attempt: Attempt): Lane | Promise<Lane> {
  // What an attempt before this one lost is not lost here.
  call.answer.losses = [];
  call.answer.unnamedLosses = undefined;
  if (attempt.lane !== "translated") return createVerbatimLane(call, attempt);
  switch (call.request.traits.translation) {
    case "answer":
      return openTranslatedLane(call, attempt);
    case "embeddings":
      return createTranslatedEmbeddingsLane(call, attempt);
    case "count":
    case "none":
      throw untranslated(call, attempt);
  }
}

function untranslated({ request }: ModelCall, attempt: Attempt): GatewayError {
  return new GatewayError(
    "translation_unavailable",
    `The model "${request.model}" is served by the provider "${attempt.provider.name}", which speaks ${attempt.protocol}; this operation ` +
      `of ${request.protocol.id} is not translated yet. Call the model in its own dialect.`,
    { param: "model" },
  );
}
