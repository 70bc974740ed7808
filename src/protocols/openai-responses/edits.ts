import type { Edit } from "../../core/index.ts";
import { modelEdits, optionEdits } from "../openai-shared/envelope.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";

/** Replaces the model's name, and removes the option that asks the gateway for the cost. A Responses stream always has its usage. */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  return [...modelEdits(envelope, patch.model), ...optionEdits(envelope)].sort((a, b) => a.start - b.start);
}
