import { everyByTimer, messageOf, type Clock, type Every, type Logger } from "../../core/index.ts";
import { buildProviders, createUpstreamClient, type Provider, type ProxyEnv, type UpstreamClient } from "../../upstream/index.ts";
import { defaultDialect } from "../../protocols/index.ts";
import type { OtlpSettings } from "../telemetry-section.ts";
import { encodeSpans, type Span } from "./otlp-json.ts";

export interface TraceExporterDeps {
  readonly otlp: OtlpSettings;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly every?: Every;
  readonly proxyEnv?: ProxyEnv;
}

/** Sends spans to a collector, in batches. A collector that is slow or away costs spans, never a request. */
export interface TraceExporter {
  take(span: Span): void;
  /** Spans that could not be sent. */
  readonly dropped: number;
  /** Sends what waits. Never rejects. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const everyMs = 2000;
const batchSize = 256;
/** Spans that wait, at most. */
const mostWaiting = 4096;
const timeoutMs = 10_000;
/** The log names a trouble once in this time. */
const quietMs = 60_000;

export function createTraceExporter(deps: TraceExporterDeps): TraceExporter {
  return new BatchExporter(deps);
}

class BatchExporter implements TraceExporter {
  readonly #deps: TraceExporterDeps;
  readonly #target: Provider;
  readonly #client: UpstreamClient;
  readonly #stop: () => void;
  #waiting: Span[] = [];
  #sending: Promise<void> | undefined;
  #loggedMs = -Infinity;
  dropped = 0;

  constructor(deps: TraceExporterDeps) {
    this.#deps = deps;
    const { otlp, clock, logger, proxyEnv = process.env } = deps;
    this.#target = targetOf(otlp);
    this.#client = createUpstreamClient({
      providers: [this.#target],
      clock,
      logger,
      proxyEnv,
      credentialHeader: () => ["authorization", ""],
    });
    this.#stop = (deps.every ?? everyByTimer)(everyMs, () => {
      void this.flush();
    });
  }

  take(span: Span): void {
    if (this.#waiting.length >= mostWaiting) {
      this.dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length === batchSize) void this.flush();
  }

  /** One batch after the other. */
  flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async close(): Promise<void> {
    this.#stop();
    await this.flush();
    await this.#client.close();
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSize);
      try {
        const status = await this.#send(batch);
        if (status < 200 || status >= 300) throw new Error(`the collector answered ${status}`);
      } catch (error) {
        this.#failed(batch.length, error);
        return;
      }
    }
  }

  #failed(count: number, error: unknown): void {
    this.dropped += count;
    const nowMs = this.#deps.clock.monotonic();
    if (nowMs - this.#loggedMs < quietMs) return;
    this.#loggedMs = nowMs;
    this.#deps.logger.warn({ dropped: this.dropped, error: messageOf(error) }, "traces could not be sent to telemetry.otlp.endpoint");
  }

  #send(batch: readonly Span[]): Promise<number> {
    const { otlp, version, clock } = this.#deps;
    const body = Buffer.from(
      encodeSpans(batch, { "service.name": otlp.serviceName, "service.version": version }, { name: "tokligence", version }),
    );
    const { pathname, search } = new URL(otlp.url);
    return new Promise((resolve, reject) => {
      let status = 0;
      this.#client.dispatch(
        {
          provider: this.#target,
          protocol: defaultDialect,
          method: "POST",
          path: `${pathname}${search}`,
          headers: ["content-type", "application/json", "accept", "application/json"],
          key: undefined,
          body: [body],
          stream: false,
          deadlineAt: clock.monotonic() + timeoutMs,
        },
        {
          onHead: (answered) => void (status = answered),
          onData: () => undefined,
          onEnd: () => resolve(status),
          onFailure: (failure) => reject(new Error(failure.message)),
        },
      );
    });
  }
}

/** The collector, as the client for all outgoing HTTP knows it: a configured origin, without redirects. */
function targetOf({ url, headers }: OtlpSettings): Provider {
  const name = "telemetry.otlp";
  const timeouts = { connectMs: timeoutMs, totalMs: timeoutMs };
  const baseUrl = { [defaultDialect]: new URL(url).origin };
  return buildProviders([{ name, enabled: true, protocols: [defaultDialect], baseUrl, keys: [], headers, timeouts }]).at(-1)!;
}
