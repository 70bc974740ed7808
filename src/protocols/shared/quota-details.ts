import { isObject } from "./fields.ts";

/** What an error's body says of a limit beside its words. */
export interface QuotaDetails {
  /** How long the body asks to wait, in milliseconds. */
  readonly waitMs?: number;
  /** The limit is one of a day. */
  readonly isDailyQuota?: true;
}

const retryInfoType = "type.googleapis.com/google.rpc.RetryInfo";
const quotaFailureType = "type.googleapis.com/google.rpc.QuotaFailure";

/**
 * Reads Google's `details`: `[{"@type":…RetryInfo,"retryDelay":"37.2s"},{"@type":…QuotaFailure,"violations":[{"quotaId":"GenerateRequestsPerDayPerProject…"}]}]`
 * (google/rpc/error_details.proto; Gemini API, November 2026). Google sends no `Retry-After`. A limit of a day is listed beside those of a minute.
 */
export function readQuotaDetails(details: unknown): QuotaDetails {
  if (!Array.isArray(details)) return {};
  let found: QuotaDetails = {};
  for (const detail of details as readonly unknown[]) {
    if (!isObject(detail)) continue;
    const { retryDelay, violations } = detail as { retryDelay?: unknown; violations?: unknown };
    const seconds = typeof retryDelay === "string" ? /^(\d+(?:\.\d+)?)s$/.exec(retryDelay)?.[1] : undefined;
    if (detail["@type"] === retryInfoType && seconds !== undefined) found = { ...found, waitMs: Math.round(Number(seconds) * 1000) };
    if (detail["@type"] === quotaFailureType && Array.isArray(violations) && violations.some(isDaily))
      found = { ...found, isDailyQuota: true };
  }
  return found;
}

function isDaily(violation: unknown): boolean {
  return isObject(violation) && typeof violation["quotaId"] === "string" && /per_?day/i.test(violation["quotaId"]);
}
