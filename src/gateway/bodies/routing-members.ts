import { applyEdits, memberOf, memberSpan, noBytes, parseSpan, type Bytes, type Span } from "../../core/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";

/** OpenRouter's fields for the choice of a target: `"models":["a/b"],"provider":{"only":["c"]}`. */
export interface RoutingMembers {
  readonly models?: readonly string[] | undefined;
  readonly provider?: Record<string, unknown> | undefined;
}

type Spans = Readonly<Record<string, Span | undefined>>;

export const noRouting: RoutingMembers = {};

/** Fields of these names with another meaning are not among them. */
export function readRouting(text: Bytes, spans: Spans): RoutingMembers {
  const models = parsed(text, spans["models"]);
  const provider = parsed(text, spans["provider"]);
  return { models: isTexts(models) ? models : undefined, provider: isRecord(provider) ? provider : undefined };
}

interface WithoutRouting {
  readonly text: Bytes;
  /** Of the fields that were cut. */
  readonly names: readonly string[];
}

/** The text without these members; `undefined` if there are none. */
export function cutRouting(text: Bytes, spans: Spans, { models, provider }: RoutingMembers): WithoutRouting | undefined {
  if (models === undefined && provider === undefined) return undefined;
  const members: Spans = {
    ...(models === undefined ? {} : { models: spans["models"] }),
    ...(provider === undefined ? {} : { provider: spans["provider"] }),
    // OpenRouter's `"route": "fallback"` says that the list counts.
    ...(models === undefined ? {} : { route: memberOf(text, "route") }),
  };
  const found = Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const rest = found
    .toSorted((one, other) => other.value.start - one.value.start)
    // From the last to the first, so that the places of the others stay.
    .reduce((body, { name, value }) => applyEdits(body, [{ ...memberSpan(body, name, value), text: noBytes }]), text);
  return { text: rest, names: found.map(({ name }) => name) };
}

/** Whether a target that does not act on these fields may get some of them: a first target that acts on them itself gets the body as it was sent. */
export function mayHaveRouting({ request, stored }: ModelCall, { provider }: Attempt): boolean {
  const { spans } = request.envelope;
  return (
    (spans["models"] !== undefined || spans["provider"] !== undefined) && provider.quirks.routesItself !== true && stored === undefined
  );
}

/**
 * The body without those fields, for a target of which `mayHaveRouting` is true: its provider would refuse them. The same text if there are none.
 * @param text the body of the request, or the same with the gateway's own edits.
 */
export function withoutRouting(call: ModelCall, attempt: Attempt, text: Bytes): Bytes {
  if (!mayHaveRouting(call, attempt)) return text;
  const { envelope, protocol, route } = call.request;
  const { spans } = text === call.request.text ? envelope : protocol.readEnvelope(text, route);
  const rest = cutRouting(text, spans, readRouting(text, spans));
  if (rest === undefined) return text;
  call.takenParams = rest.names;
  return rest.text;
}

function parsed(text: Bytes, span: Span | undefined): unknown {
  return span === undefined ? undefined : parseSpan(text, span);
}

export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
