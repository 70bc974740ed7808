import * as z from "zod";
import { flag, integer, leaf, text } from "../settings/index.ts";

const callerLabels = ["user", "key"] as const;

export type CallerLabel = (typeof callerLabels)[number];

const otlp = z.strictObject({
  endpoint: leaf(z.string().refine(isHttpUrl), {
    kind: "text",
    description:
      "Where traces go, by OTLP over HTTP in JSON: the base of a collector; /v1/traces is added unless the path ends in it. None are made if omitted.",
    allowed: "a URL that starts with https:// or http://",
    sensitive: true,
  }).optional(),
  headers: leaf(z.record(z.string().min(1), z.string()), {
    kind: "map",
    description: "Headers of these requests, such as authorization.",
    allowed: "a map of header names and texts",
    sensitive: true,
  }).prefault({}),
  service_name: text("The service's name in traces.").prefault("tokligence"),
});

export const telemetrySchema = z
  .strictObject({
    otlp: otlp.describe("Traces by OpenTelemetry.").prefault({}),
    content: flag("Whether traces contain what was asked and answered.").prefault(false),
    labels: leaf(z.array(z.enum(callerLabels)), {
      kind: "list",
      description: "Labels of the metrics tokligence_caller_…: user, key or both. None of these metrics are counted if omitted.",
      allowed: "a list of user, key",
    }).prefault([]),
    max_label_values: integer("Most combinations of these labels; further users and keys are `other`.", 1, 10_000).prefault(100),
  })
  .describe("Traces, and labels of metrics. Nothing leaves the machine unless an endpoint is set.")
  .prefault({});

export type ParsedTelemetry = z.output<typeof telemetrySchema>;

export interface TelemetrySection {
  /** `undefined`: no traces. */
  readonly otlp: OtlpSettings | undefined;
  readonly content: boolean;
  readonly labels: readonly CallerLabel[];
  readonly maxLabelValues: number;
}

export interface OtlpSettings {
  /** The whole URL. */
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly serviceName: string;
}

export function readTelemetry({
  otlp: { endpoint, headers, service_name: serviceName },
  content,
  labels,
  max_label_values,
}: ParsedTelemetry): TelemetrySection {
  return {
    otlp: endpoint === undefined ? undefined : { url: tracesUrl(endpoint), headers: Object.entries(headers), serviceName },
    content,
    labels,
    maxLabelValues: max_label_values,
  };
}

/** As OpenTelemetry's exporters do with `OTEL_EXPORTER_OTLP_ENDPOINT`; also right for one that names the path itself. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/v1/traces") ? path : `${path}/v1/traces`;
  return url.href;
}

function isHttpUrl(value: string): boolean {
  return /^https?:\/\//.test(value) && URL.canParse(value);
}
