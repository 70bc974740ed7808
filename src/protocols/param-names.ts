import type { GatewayError } from "../core/index.ts";
import { isAbsent } from "./fields.ts";
import { UnservedError, type Param } from "./losses.ts";
import type { Loss } from "./translation.ts";

/**
 * How a client dialect spells what a translation may lose: paths on its wire, `[]` for any element of a list. Of several spellings the first that
 * the request holds counts, and the first of all where none does.
 */
export type ParamNames = Readonly<Record<Param, string | readonly [string, ...string[]]>>;

/** The request's parts as its client names them. */
export interface ParamTable {
  readonly names: ParamNames;
  /** Fields at the top of a request, or one level below, that have no neutral name: they are known by their own. */
  readonly ownFields: readonly string[];
}

/** The spellings of places that have been found in one request: a search for one goes through all of its messages. */
export type SpelledPlaces = Map<string, string>;

/** A neutral parameter, or a field of the client's own at a place, as the client spells it. `wire`: the request as parsed JSON. */
export function spellParam(param: string, { names }: ParamTable, wire: unknown, places: SpelledPlaces = new Map()): string {
  const found = nameOf(param, names);
  if (found === undefined && !param.includes(".")) return param;
  if (typeof found === "string") return found;
  if (found !== undefined) return found.find((name) => holds(wire, name.split("."))) ?? found[0];
  const dot = param.indexOf(".");
  const place = param.slice(0, dot);
  if (place === "request") return param.slice(dot + 1);
  const spelled = places.get(place) ?? spellParam(place, { names, ownFields: [] }, wire);
  places.set(place, spelled);
  return spelled + param.slice(dot);
}

function nameOf(param: string, names: ParamNames): ParamNames[Param] | undefined {
  return Object.hasOwn(names, param) ? names[param as Param] : undefined;
}

function holds(value: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return !isAbsent(value);
  if (typeof value !== "object" || value === null) return false;
  const isList = key.endsWith("[]");
  const inner = (value as Readonly<Record<string, unknown>>)[isList ? key.slice(0, -2) : key];
  return isList ? Array.isArray(inner) && inner.some((each) => holds(each, rest)) : holds(inner, rest);
}

/** A loss in the client's spelling. */
export function spellLoss(loss: Loss, table: ParamTable, wire: unknown, places?: SpelledPlaces): Loss {
  return { ...loss, param: spellParam(loss.param, table, wire, places) };
}

/** A refusal in the client's spelling; any other error as it is. */
export function spellRefusal(error: unknown, table: ParamTable, wire: unknown): unknown {
  if (!(error instanceof UnservedError)) return error;
  return new UnservedError(spellParam(error.param ?? "", table, wire), error.reason, error.upstreamCode) satisfies GatewayError;
}

/** Names that a client may choose freely count as one, so that a metric has a bounded number of series. */
export function paramLabel(spelled: string, { names, ownFields }: ParamTable): string {
  const known = Object.values(names).flat();
  return known.includes(spelled) || ownFields.includes(spelled) ? spelled : "other";
}
