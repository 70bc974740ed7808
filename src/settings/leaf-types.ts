import * as z from "zod";

/**
 * How one setting's value is written. `list`: `a,b` in the environment. `map`: `a=b,c=d`. `routes`: as `map`, and a repeated pattern makes a list.
 * `urls`: a text or a map. `json`: JSON in the environment where it is not a plain text.
 */
export type LeafKind =
  | "text"
  | "path"
  | "secret"
  | "integer"
  | "flag"
  | "choice"
  | "duration"
  | "size"
  | "percent"
  | "list"
  | "map"
  | "routes"
  | "urls"
  | "json";

/** What is known of a setting beyond its zod type. */
export interface LeafInfo {
  readonly kind: LeafKind;
  /** The allowed values, for people: `a number from 1 to 65535`. */
  readonly allowed: string;
  /** The value, or a part of it, may be a secret: never printed. */
  readonly sensitive: boolean;
  /** A secret that is a URL: host and path of it may be shown. */
  readonly isUrl: boolean;
  /** The value as a file would have it: `90s` of 90000. The value itself if omitted. */
  readonly print?: (value: number) => string;
}

/** A value that the schema has read, as a file would have it. */
export function printValue({ print }: LeafInfo, value: unknown): unknown {
  return typeof value === "number" && print !== undefined ? print(value) : structuredClone(value);
}

export const leafInfos = z.registry<LeafInfo>();

interface LeafText {
  readonly kind: LeafKind;
  readonly description: string;
  readonly allowed: string;
  readonly sensitive?: boolean;
  readonly isUrl?: boolean;
  readonly print?: (value: number) => string;
}

/** Makes a type a setting: what is below it is one value to the environment, and its errors say what is allowed. */
export function leaf<T extends z.ZodType>(type: T, { description, ...info }: LeafText): T {
  const described = type.describe(description);
  leafInfos.add(described, { sensitive: false, isUrl: false, ...info });
  return described;
}

export function text(description: string, allowed = "a text") {
  return leaf(z.string().min(1), { kind: "text", description, allowed });
}

export function path(description: string) {
  return leaf(z.string().min(1), {
    kind: "path",
    description,
    allowed: "a path; ~ is the home folder, a relative one starts at the file's folder",
  });
}

export function secret(description: string, allowed = "a text, best as ${VARIABLE}") {
  return leaf(z.string(), { kind: "secret", description, allowed, sensitive: true });
}

export function choice<const T extends readonly [string, ...string[]]>(description: string, values: T) {
  return leaf(z.enum(values), { kind: "choice", description, allowed: values.join(", ") });
}

/** Numbers and flags may also be texts: they come from `${…}` and from the environment. */
export function integer(description: string, min: number, max: number) {
  const type = z
    .union([z.int().min(min).max(max), z.string().regex(/^\d{1,15}$/)])
    .transform(Number)
    .refine((value) => value >= min && value <= max);
  return leaf(type, { kind: "integer", description, allowed: `a whole number from ${min} to ${max}` });
}

const truePattern = /^(?:[Tt]rue|TRUE|[Yy]es|YES|[Oo]n|ON|1)$/;
export const flagPattern = /^(?:[Tt]rue|TRUE|[Yy]es|YES|[Oo]n|ON|1|[Ff]alse|FALSE|[Nn]o|NO|[Oo]ff|OFF|0)$/;

/** Whether the text of a flag means yes. */
export function isTrueText(text: string): boolean {
  return truePattern.test(text);
}

export function flag(description: string) {
  const type = z
    .union([z.boolean(), z.string().regex(flagPattern)])
    .transform((value) => (typeof value === "boolean" ? value : truePattern.test(value)));
  return leaf(type, { kind: "flag", description, allowed: "true or false" });
}

const durationPattern = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/;
const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const longestMs = 24 * 3_600_000;

/** A duration in milliseconds; a bare number is seconds. `undefined`: it is not a duration, or not within 1 ms and 24 h. */
export function parseDuration(value: number | string): number | undefined {
  const match = durationPattern.exec(String(value));
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * durationUnits[match[2] ?? "s"]!);
  return ms >= 1 && ms <= longestMs ? ms : undefined;
}

/** The reverse: `90s`, `500ms`. */
export function formatDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** Output: milliseconds. */
export function duration(description: string) {
  const type = z.union([z.number(), z.string().regex(durationPattern)]).transform((value) => parseDuration(value) ?? Number.NaN);
  return leaf(type.refine(Number.isFinite), {
    kind: "duration",
    description: `${description} As in 500ms, 3s, 10m, 1h; a bare number is seconds.`,
    allowed: "a time from 1ms to 24h, as in 500ms, 3s, 10m or 1h",
    print: formatDuration,
  });
}

const percentPattern = /^(\d{1,3}(?:\.\d{1,2})?)\s*%$/;

/** A share. Output: 0 to 1. */
export function percent(description: string) {
  const type = z
    .string()
    .regex(percentPattern)
    .transform((value) => Number(percentPattern.exec(value)?.[1] ?? Number.NaN) / 100)
    .refine((value) => value >= 0 && value <= 1);
  return leaf(type, {
    kind: "percent",
    description: `${description} As in 20%.`,
    allowed: "a share from 0% to 100%, as in 20%",
    print: (value) => `${Number((value * 100).toFixed(2))}%`,
  });
}

const lifetimePattern = /^(\d+(?:\.\d+)?)\s*(m|h|d)$/;
const lifetimeUnits: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestLifetimeMs = 3650 * lifetimeUnits["d"]!;

/** How long something is kept, in milliseconds. `undefined`: it is no such time, or not within a minute and ten years. */
export function parseLifetime(value: string): number | undefined {
  const match = lifetimePattern.exec(value);
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * lifetimeUnits[match[2]!]!);
  return ms >= lifetimeUnits["m"]! && ms <= longestLifetimeMs ? ms : undefined;
}

/** The reverse, in the largest unit that needs no decimals: `30d`. */
export function formatLifetime(ms: number): string {
  for (const unit of ["d", "h"]) {
    const size = lifetimeUnits[unit]!;
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms / lifetimeUnits["m"]!}m`;
}

/** Output: milliseconds. */
export function lifetime(description: string) {
  const type = z
    .string()
    .regex(lifetimePattern)
    .transform((value) => parseLifetime(value) ?? Number.NaN);
  return leaf(type.refine(Number.isFinite), {
    kind: "duration",
    description: `${description} As in 90m, 12h, 30d.`,
    allowed: "a time from 1m to 3650d, as in 90m, 12h or 30d",
    print: formatLifetime,
  });
}

// Without the flag for capitals: the JSON Schema has the pattern alone.
const sizePattern = /^(\d+(?:\.\d+)?)\s*([KMGkmg]?[Ii]?[Bb])?$/;
const sizeUnits: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** A size in bytes; `undefined`: it is not a size. `KB` is 1000, `KiB` is 1024. */
export function parseSize(value: number | string): number | undefined {
  const match = sizePattern.exec(String(value));
  const unit = match === null ? undefined : sizeUnits[(match[2] ?? "b").toLowerCase()];
  return unit === undefined ? undefined : Math.floor(Number(match![1]) * unit);
}

/** The reverse, in the largest unit that needs no decimals: `32MiB`. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const unitBytes = sizeUnits[unit.toLowerCase()]!;
    if (bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`;
  }
  return `${bytes}B`;
}

/** Output: bytes. */
export function size(description: string, maxBytes: number, maxText: string) {
  const type = z.union([z.number(), z.string().regex(sizePattern)]).transform((value) => parseSize(value) ?? 0);
  return leaf(
    type.refine((bytes) => bytes >= 1 && bytes <= maxBytes),
    {
      kind: "size",
      description: `${description} As in 512KiB, 32MiB; a bare number is bytes.`,
      allowed: `a size from 1 byte to ${maxText}, as in 512KiB or 32MiB`,
      print: formatSize,
    },
  );
}

const ratePattern = /^\d{1,6}(?:\.\d{1,9})?$/;

/** Without exponent; "" where nine places do not hold it. */
function decimalOf(value: number): string {
  const text = value.toFixed(9).replace(/\.?0+$/, "");
  return Number(text) === value ? text : "";
}

/** US dollars a million tokens. Output: a decimal without exponent. */
export function usdRate(description: string) {
  return z
    .union([z.number().min(0), z.string().regex(ratePattern)])
    .transform((value) => (typeof value === "string" ? value : decimalOf(value)))
    .refine((value) => ratePattern.test(value))
    .describe(description);
}

/** A list of texts that are not empty. */
export function texts(description: string, allowed: string, sensitive = false) {
  return leaf(z.array(z.string().min(1)), { kind: "list", description, allowed, sensitive });
}
