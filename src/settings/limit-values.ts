import * as z from "zod";
import { integer } from "./leaf-types.ts";

/** The kinds of limits on requests, as settings and the admin API name them. */
export const limitKinds = ["requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day", "concurrent"] as const;
export type LimitKind = (typeof limitKinds)[number];

/** The limits of one key, user, tag, model or provider; a kind that is absent is not limited. */
export type LimitValues = { readonly [K in LimitKind]?: number };

/** The largest limit: sums of them are exact. */
export const mostOfLimit = 1_000_000_000_000;

const texts: Readonly<Record<LimitKind, string>> = {
  requests_per_minute: "Requests a minute.",
  tokens_per_minute: "Tokens a minute, of prompts and answers together.",
  requests_per_day: "Requests a day.",
  tokens_per_day: "Tokens a day, of prompts and answers together.",
  concurrent: "Requests at a time.",
};

/** A section with limits, each of them optional. */
export function limitValues(description: string) {
  const value = (kind: LimitKind) => integer(texts[kind], 1, mostOfLimit).optional();
  return z
    .strictObject({
      requests_per_minute: value("requests_per_minute"),
      tokens_per_minute: value("tokens_per_minute"),
      requests_per_day: value("requests_per_day"),
      tokens_per_day: value("tokens_per_day"),
      concurrent: value("concurrent"),
    })
    .describe(description);
}

/** Those that are given; `undefined` if there are none. */
export function readLimitValues(parsed: { readonly [K in LimitKind]?: number | undefined } | undefined): LimitValues | undefined {
  const given = limitKinds.flatMap((kind) => (parsed?.[kind] === undefined ? [] : [[kind, parsed[kind]] as const]));
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
