export type AttributeValue = string | number | boolean | readonly string[];

/** A finished span. Times are milliseconds since 1970, with fractions. */
export interface Span {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: "server" | "client";
  readonly startMs: number;
  readonly endMs: number;
  /** Those that are `undefined` are left out. */
  readonly attributes: Readonly<Record<string, AttributeValue | undefined>>;
  /** Why it failed; `undefined`: it did not. */
  readonly error: string | undefined;
}

const kinds = { server: 2, client: 3 } as const;
const errorStatus = 2;

/**
 * Spans as OTLP in JSON: `{"resourceSpans":[{"resource":…,"scopeSpans":[{"scope":…,"spans":[…]}]}]}`. Ids are hexadecimal, 64-bit numbers decimal texts. Source:
 * OpenTelemetry protocol specification 1.9, "JSON Protobuf Encoding".
 */
export function encodeSpans(
  spans: readonly Span[],
  resource: Readonly<Record<string, string>>,
  scope: { readonly name: string; readonly version: string },
): string {
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: encodeAttributes(resource) }, scopeSpans: [{ scope, spans: spans.map(encodeSpan) }] }],
  });
}

function encodeSpan({ traceId, spanId, parentId, name, kind, startMs, endMs, attributes, error }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(Math.max(startMs, endMs)),
    attributes: encodeAttributes(attributes),
    ...(error === undefined ? {} : { status: { code: errorStatus, message: error } }),
  };
}

/** A double has no room for nanoseconds since 1970. */
function nanos(ms: number): string {
  return `${BigInt(Math.round(ms * 1000))}000`;
}

function encodeAttributes(attributes: Span["attributes"]): object[] {
  return Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: encodeValue(value) }]));
}

function encodeValue(value: AttributeValue): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      return { arrayValue: { values: value.map((each) => ({ stringValue: each })) } };
  }
}
