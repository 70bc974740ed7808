import type { Edit } from "../../core/index.ts";
import { modelEdits, optionEdits } from "../openai-shared/envelope.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";

/** The model's name, and the option that asks the gateway for the cost taken out. A Responses stream tells its usage unasked. */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  return [...modelEdits(envelope, patch.model), ...optionEdits(envelope)].sort((a, b) => a.start - b.start);
}
