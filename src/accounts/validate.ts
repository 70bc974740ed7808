import {
  GatewayError,
  hasGatewayKey,
  isTag,
  marketScopes,
  readTime,
  tagForm,
  tagLimits,
  timeForms,
  utcZone,
  type MarketScope,
} from "../core/index.ts";
import type { Role } from "./types.ts";

const usernamePattern = /^[A-Za-z0-9._@-]{1,64}$/;
/** The user of requests when auth is off. */
const reservedNames: readonly string[] = ["local"];
/** A user is referred to by id or name, so a name must not look like an id, nor like a key that was pasted into the wrong field. */
const reservedPrefixes: readonly string[] = ["usr_", "key_", "tok_"];
const emailPattern = /^[^\s@]+@[^\s@]+$/;
const maxEmailLength = 254;
const maxNameLength = 100;

/** All of these throw `GatewayError` `invalid_request` with `param`. They check types too, as the library is also called from JavaScript. */
export function checkUsername(value: unknown): string {
  if (typeof value !== "string" || !usernamePattern.test(value)) {
    throw invalid("username", 'The username must be 1 to 64 characters of letters, digits, ".", "_", "@" and "-". Choose another one.');
  }
  const lower = value.toLowerCase();
  if (reservedNames.includes(lower)) throw invalid("username", `The username "${lower}" is reserved. Choose another one.`);
  const prefix = reservedPrefixes.find((reserved) => lower.startsWith(reserved));
  if (prefix !== undefined) throw invalid("username", `A username cannot begin with "${prefix}", as ids and keys do. Choose another one.`);
  if (hasGatewayKey(value)) throw invalid("username", "The username contains an API key. Choose another one.");
  return value;
}

export function checkEmail(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string" || value.length > maxEmailLength || !emailPattern.test(value) || isUnfit(value)) {
    throw invalid(
      "email",
      `The email must look like name@example.org and have at most ${maxEmailLength} characters. Correct it or leave it out.`,
    );
  }
  return value;
}

export function checkRole(value: unknown, fallback: Role): Role {
  if (value === undefined) return fallback;
  if (value !== "admin" && value !== "user") throw invalid("role", 'The role must be "admin" or "user".');
  return value;
}

export function checkMarketScope(value: unknown): MarketScope {
  const scope = marketScopes.find((known) => known === value);
  if (scope === undefined) throw invalid("market", `Where its requests may go must be one of ${marketScopes.join(", ")}.`);
  return scope;
}

export function checkKeyName(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string" || value.length < 1 || value.length > maxNameLength || isUnfit(value)) {
    throw invalid(
      "name",
      `The key's name must be 1 to ${maxNameLength} characters without control characters. Correct it or leave it out.`,
    );
  }
  return value;
}

/** When a key expires, in milliseconds since 1970; `null`: never. */
export function readExpiry(value: unknown, nowMs: number, notAfter?: string): number | null {
  if (value === undefined || value === null) return null;
  const atMs = typeof value === "string" ? readTime(value, nowMs, { sign: 1, zone: utcZone }) : undefined;
  if (atMs === undefined) throw invalid("expires", `Say when the key expires as ${timeForms}.`);
  if (atMs <= nowMs) throw invalid("expires", "The key would have expired already. Give a time in the future, or leave it out.");
  if (notAfter !== undefined && atMs > Date.parse(notAfter)) throw invalid("expires", `The key must not expire later than ${notAfter}.`);
  return atMs;
}

/** Until when the former text of a key is accepted; `null`: it is not. */
export function readOverlap(value: unknown, nowMs: number): number | null {
  if (value === undefined || value === "0") return null;
  const atMs = typeof value === "string" ? readTime(value, nowMs, { sign: 1, zone: utcZone }) : undefined;
  if (atMs === undefined || atMs <= nowMs) throw invalid("overlap", "Say how long the former key is accepted, as in 24h or 7d, or 0.");
  return atMs;
}

const maxModels = 100;
const maxModelLength = 256;

/** The list of models that a key may call; `null`: all. A list that only excludes would allow nothing. */
export function checkModels(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return null;
  const isGlob = (entry: unknown): entry is string =>
    typeof entry === "string" && entry !== "" && entry !== "!" && entry.length <= maxModelLength && !isUnfit(entry);
  if (!Array.isArray(value) || value.length > maxModels || !value.every(isGlob) || !value.some((entry) => !entry.startsWith("!"))) {
    throw invalid(
      "models",
      `The key's models must be 1 to ${maxModels} patterns such as "gpt-*", with "!" before those it may not call and one at least without it.`,
    );
  }
  return value;
}

/** Tags to bind to a user or a key, each once. */
export function checkTags(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  const isFit = (entry: unknown): entry is string => typeof entry === "string" && isTag(entry) && !hasGatewayKey(entry);
  if (!Array.isArray(value) || value.length > tagLimits.count || !value.every(isFit)) {
    throw invalid(
      "tags",
      `The tags must be at most ${tagLimits.count}, of at most ${tagLimits.length} characters each, as in team:search: ${tagForm}.`,
    );
  }
  return [...new Set(value)];
}

/** ` "bob"` for a message, or nothing where the text is no name or id, or may be a key: a message must hold no secret. */
export function quoteRef(ref: string): string {
  return usernamePattern.test(ref) && !ref.toLowerCase().startsWith("tok_") ? ` "${ref}"` : "";
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, { param });
}

/** Control characters, and what looks like a key, are not stored. */
function isUnfit(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  return /[\u0000-\u001f\u007f]/.test(text) || hasGatewayKey(text);
}
