import { latin1OfUtf8, type Edit } from "../../core/index.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";
import { modelResource } from "./model-name.ts";

/** The model is in the path. A body that repeats it must have the same name, so each repetition is replaced by the upstream's name. */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  if (patch.model === undefined || patch.model === envelope.model) return [];
  const text = latin1OfUtf8(JSON.stringify(modelResource(patch.model)));
  return Object.values(envelope.spans)
    .filter((span) => span !== undefined)
    .map(({ start, end }) => ({ start, end, text }))
    .sort((a, b) => a.start - b.start);
}
