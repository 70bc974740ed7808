import type { Edit } from "../../core/index.ts";
import type { Envelope, Patch, RouteCall } from "../protocol.ts";
import { modelEdits, optionEdits } from "../openai-shared/envelope.ts";

/** A stream's usage is always asked for: the ledger needs it. Where the client did not ask, the tap takes it out again. */
const includeUsage = '"include_usage":true';

/** The model's name, the option that asks the gateway for the cost taken out, and for a stream `stream_options.include_usage`: one splice each, and none where the body says so already. */
export function planEdits(envelope: Envelope, _call: RouteCall, patch: Patch): readonly Edit[] {
  const edits = [...modelEdits(envelope, patch.model), ...optionEdits(envelope)];
  // Who asked for the cost alone has not asked the upstream for the usage.
  const asked = envelope.includeUsage === true && envelope.includeCost !== true;
  if (envelope.stream && !asked && patch.noStreamOptions !== true) edits.push(usageEdit(envelope));
  return edits.sort((a, b) => a.start - b.start || a.end - b.end);
}

function usageEdit({ spans, insertAt }: Envelope): Edit {
  const value = spans["includeUsage"];
  if (value !== undefined) return { ...value, text: "true" };
  const nullOptions = spans["nullOptions"];
  if (nullOptions !== undefined) return { ...nullOptions, text: `{${includeUsage}}` };
  const only = spans["onlyOption"];
  if (only !== undefined) return { ...only, text: includeUsage };
  const first = spans["firstOption"];
  if (first !== undefined) return { ...first, text: `${includeUsage},` };
  // The body has a `model`, so another field always follows.
  return { start: insertAt, end: insertAt, text: `"stream_options":{${includeUsage}},` };
}
