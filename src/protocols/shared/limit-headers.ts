/** The names of the three headers that describe one limit. */
export interface LimitHeaders {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

/** How a dialect tells its clients of their limits. */
export interface LimitHeaderNames {
  readonly requests: LimitHeaders;
  readonly tokens: LimitHeaders;
  /** When all is free again: how long that takes (`1m0.5s`), or the time itself (RFC 3339). */
  readonly resetAs: "duration" | "time";
}

/** Source: OpenAI's guide to rate limits, "Rate limits in headers" (November 2026). */
export const openaiLimitHeaders: LimitHeaderNames = {
  requests: headersOf("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
  tokens: headersOf("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
  resetAs: "duration",
};

/** Source: Anthropic's API reference, "Rate limits", "Response headers" (November 2026). */
export const anthropicLimitHeaders: LimitHeaderNames = {
  requests: headersOf("anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
  tokens: headersOf("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
  resetAs: "time",
};

function headersOf(limit: string, remaining: string, reset: string): LimitHeaders {
  return { limit, remaining, reset };
}

/** The time at which all is free again, as the dialect writes it. */
export function writeReset({ resetAs }: LimitHeaderNames, afterMs: number, nowMs: number): string {
  if (resetAs === "time") return `${new Date(Math.ceil((nowMs + afterMs) / 1000) * 1000).toISOString().slice(0, 19)}Z`;
  return writeDuration(afterMs);
}

/** As Go writes it, and OpenAI: `120ms`, `8.64s`, `6m0s`, `23h59m59s`. */
export function writeDuration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1000) return `${whole}ms`;
  const [hours, minutes] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  const seconds = (whole % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

const durationPart = /(\d+(?:\.\d+)?)(h|ms|m|s)/g;
const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Reads what `writeReset` writes. Milliseconds from `nowMs`; `undefined`: it is something else. */
export function readReset({ resetAs }: LimitHeaderNames, value: string, nowMs: number): number | undefined {
  if (resetAs === "time") {
    const atMs = Date.parse(value);
    return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
  }
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(value)) return undefined;
  let ms = 0;
  for (const [, count, unit] of value.matchAll(durationPart)) ms += Number(count) * unitsMs[unit!]!;
  return ms;
}
