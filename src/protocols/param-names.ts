import type { GatewayError } from "../core/index.ts";
import { isAbsent } from "./shared/fields.ts";
import { UnservedError, type Param } from "./shared/losses.ts";
import type { Loss } from "./translation.ts";

/**
 * A client dialect's names of what a translation may lose: paths on its wire, `[]` for any element of a list. Of several spellings, the first one
 * that is in the request is used; if none is, the first of all.
 */
export type ParamNames = Readonly<Record<Param, string | readonly [string, ...string[]]>>;

/** The names of a request's parts in the client's dialect. */
export interface ParamTable {
  readonly names: ParamNames;
  /** Fields at the top of a request, or one level below, that have no neutral name: their own name is used. */
  readonly ownFields: readonly string[];
}

/** The spellings found in one request, by neutral name: a search goes through all messages, so it is made once. */
export type SpelledPlaces = Map<string, string>;

/** The client's spelling of a neutral parameter, or of a field of its own at a place. `wire`: the request as parsed JSON. */
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

/** Returns a loss with the client's spelling. */
export function spellLoss(loss: Loss, table: ParamTable, wire: unknown, places?: SpelledPlaces): Loss {
  return { ...loss, param: spellParam(loss.param, table, wire, places) };
}

/** Returns a refusal with the client's spelling; any other error unchanged. */
export function spellRefusal(error: unknown, table: ParamTable, wire: unknown): unknown {
  if (!(error instanceof UnservedError)) return error;
  return new UnservedError(spellParam(error.param ?? "", table, wire), error.reason, error.upstreamCode) satisfies GatewayError;
}

/** All names that a client can choose freely have one label, so that a metric has a bounded number of series. */
export function paramLabel(spelled: string, { names, ownFields }: ParamTable): string {
  const known = Object.values(names).flat();
  return known.includes(spelled) || ownFields.includes(spelled) ? spelled : "other";
}
