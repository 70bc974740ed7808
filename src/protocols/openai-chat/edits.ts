import { type Edit, asBytes } from "../../core/index.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";
import { modelEdits, optionEdits } from "../openai-shared/envelope.ts";

/** The gateway always asks for a stream's usage, as the ledger needs it. If the client did not ask, the tap removes it from the stream. */
const includeUsage = '"include_usage":true';

/**
 * Replaces the model's name, removes the option that asks the gateway for the cost, and asks a stream for its usage (`stream_options.include_usage`):
 * one splice each, and none if the body already has what is needed.
 */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  if (!envelope.stream && patch.model === undefined && envelope.spans["usageOption"] === undefined) return none;
  const edits = [...modelEdits(envelope, patch.model), ...optionEdits(envelope)];
  // A client that asked only for the cost has not asked the upstream for the usage.
  const asked = envelope.includeUsage === true && envelope.includeCost !== true;
  if (envelope.stream && !asked && patch.noStreamOptions !== true) edits.push(usageEdit(envelope));
  return edits.sort((a, b) => a.start - b.start || a.end - b.end);
}

const none: readonly Edit[] = [];

function usageEdit({ spans, insertAt }: Envelope): Edit {
  const value = spans["includeUsage"];
  if (value !== undefined) return { ...value, text: asBytes("true") };
  const nullOptions = spans["nullOptions"];
  if (nullOptions !== undefined) return { ...nullOptions, text: asBytes(`{${includeUsage}}`) };
  const only = spans["onlyOption"];
  if (only !== undefined) return { ...only, text: asBytes(includeUsage) };
  const first = spans["firstOption"];
  if (first !== undefined) return { ...first, text: asBytes(`${includeUsage},`) };
  // The body has a `model`, so another field always follows.
  return { start: insertAt, end: insertAt, text: asBytes(`"stream_options":{${includeUsage}},`) };
}
