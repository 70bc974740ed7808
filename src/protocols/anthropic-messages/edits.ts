import { latin1OfUtf8, type Edit } from "../../core/index.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";

/** The one edit of this protocol: the model's name is replaced if the upstream knows the model by another name. */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  const span = envelope.spans["model"];
  if (patch.model === undefined || patch.model === envelope.model || span === undefined) return [];
  return [{ start: span.start, end: span.end, text: latin1OfUtf8(JSON.stringify(patch.model)) }];
}
