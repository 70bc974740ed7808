import type { Edit } from "../../core/index.ts";
import { modelEdits } from "../openai-shared/envelope.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";

/** The model's name. A Responses stream tells its usage unasked. */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  return modelEdits(envelope, patch.model);
}
