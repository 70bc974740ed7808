import type { Clock, Logger } from "../../core/index.ts";
import type { Tracer } from "../../gateway/index.ts";
import { createTraceExporter, createTracer, type TelemetrySection } from "../../server/index.ts";
import { readVersion } from "../self.ts";

export interface Telemetry {
  readonly tracer: Tracer;
  /** Spans that could not be sent. */
  readonly dropped: () => number;
  close(): Promise<void>;
}

/** `undefined`: no endpoint is set, and nothing is traced. */
export function composeTelemetry(
  { otlp, content }: TelemetrySection,
  deps: { readonly clock: Clock; readonly logger: Logger },
): Telemetry | undefined {
  if (otlp === undefined) return undefined;
  const exporter = createTraceExporter({ ...deps, otlp, version: readVersion() });
  const tracer = createTracer({ clock: deps.clock, hasContent: content, take: (span) => exporter.take(span) });
  return { tracer, dropped: () => exporter.dropped, close: () => exporter.close() };
}
