import { returnProofs } from "../../src/gateway/proofs/index.ts";
import type { ProtocolId } from "../../src/ir/index.ts";
import { protocols, spellLoss, spellRefusal, type Loss } from "../../src/protocols/index.ts";
import { bases, type FieldExample } from "./translation-examples/index.ts";

/** Models that take as much as a model of their protocol does. */
export const targetModels: Readonly<Record<ProtocolId, string>> = {
  "openai-chat": "gpt-5.2",
  "openai-responses": "gpt-5.2",
  "anthropic-messages": "claude-sonnet-4-6",
  "gemini-generate": "gemini-3-flash",
};

/** What becomes of a field on its way to another protocol. */
export interface Outcome {
  /** The parameter that is refused, as the client spells it. */
  readonly refused: string | undefined;
  /** Losses that the field brings, as the client spells them. */
  readonly losses: readonly Loss[];
  /** Paths of the upstream's body that the field changes; `[]` for any element of a list. */
  readonly changed: readonly string[];
}

interface Sent {
  readonly losses: readonly Loss[];
  readonly body: unknown;
}

/** Sends an example through the parser of its dialect and the renderer of the target. */
export function outcomeOf(dialect: ProtocolId, target: ProtocolId, example: FieldExample): Outcome {
  const wire = { ...bases[dialect], ...example.fields };
  const { params } = protocols.get(dialect)!;
  let sent: Sent;
  try {
    sent = send(dialect, target, wire, example.stream === true);
  } catch (error) {
    const spelled = spellRefusal(error, params, wire) as { readonly param?: string };
    if (spelled === error || spelled.param === undefined) throw error;
    return { refused: spelled.param, losses: [], changed: [] };
  }
  const plain = send(dialect, target, { ...bases[dialect], ...example.beside }, false);
  const known = new Set(plain.losses.map(({ param, action }) => `${action} ${param}`));
  return {
    refused: undefined,
    losses: sent.losses.filter(({ param, action }) => !known.has(`${action} ${param}`)).map((loss) => spellLoss(loss, params, wire)),
    changed: [...new Set(changesOf(plain.body, sent.body, ""))],
  };
}

function send(dialect: ProtocolId, target: ProtocolId, wire: object, stream: boolean): Sent {
  const protocol = protocols.get(dialect)!;
  const routes = protocol.routes.filter(({ operation }) => operation === "generate");
  const route = routes.find((each) => (each.stream ?? false) === stream) ?? routes[0]!;
  const body = dialect === "gemini-generate" || !stream ? wire : { ...wire, stream };
  const parsed = protocol.parseRequest(body, { route, param: "m", query: "" });
  const request = protocol.toForeign?.(parsed, { openSummary: () => undefined }) ?? parsed;
  // As in the gateway: a proof that it did not seal itself goes nowhere.
  const origin = { provider: "p", protocol: target, family: "" };
  const returned = returnProofs(request, {
    carrier: protocol.proofs,
    upstreamSignsCalls: protocols.get(target)!.proofs.signsCalls,
    origin,
    open: () => undefined,
    kept: new Map(),
  });
  const rendered = protocols.get(target)!.upstream.renderRequest(returned.request, { model: targetModels[target], stream, quirks: {} });
  return { losses: [...returned.losses, ...rendered.losses], body: JSON.parse(rendered.value) as unknown };
}

/** The paths under which two values differ, as deep as both have them; `[]` for any element of a list. */
export function changesOf(before: unknown, after: unknown, path: string): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) || Array.isArray(after)) {
    const [left, right] = [listOf(before), listOf(after)];
    return Array.from({ length: Math.max(left.length, right.length) }, (_, at) => changesOf(left[at], right[at], `${path}[]`)).flat();
  }
  if (isObject(after)) {
    const left = isObject(before) ? before : {};
    const keys = new Set([...Object.keys(left), ...Object.keys(after)]);
    return [...keys].flatMap((key) => changesOf(left[key], after[key], path === "" ? key : `${path}.${key}`));
  }
  return [path];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
