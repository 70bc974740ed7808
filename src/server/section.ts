import * as z from "zod";
import type { Timeouts, WorkMode } from "../upstream/index.ts";
import { choice, duration, flag, integer, leaf, lifetime, path, size, text, resolvePath, type PathBase } from "../settings/index.ts";

const logging = z.strictObject({
  level: choice("What is logged: this level and all that is graver.", ["debug", "info", "warn", "error", "silent"]).prefault("info"),
  file: path("The log file; beside the database if omitted. If it cannot be written, the log is written to stderr.").optional(),
});

const auth = z.strictObject({
  enabled: flag("Whether requests need a key. Without, the gateway serves this machine only.").prefault(true),
  type: choice("How callers prove who they are.", ["api_key"]).prefault("api_key"),
});

const gatewayTimeouts = z.strictObject({
  connect: duration("Until a connection to a provider is open.").prefault("3s"),
  first_byte: duration("Streams: until a provider's answer begins.").prefault("60s"),
  idle: duration("Between two pieces of a provider's answer.").prefault("120s"),
  total: duration("JSON answers, from sending the request to the last byte.").prefault("600s"),
  stream_total: duration("Streams, from sending the request to the last byte.").prefault("3600s"),
  client: duration("Until a client's request that makes no progress is cut off.").prefault("15s"),
});

const corsOrigin = z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value && value !== "null");

export const gatewaySchema = z
  .strictObject({
    host: text("Address to listen on; localhost is 127.0.0.1 and ::1.", "a host name or an address").prefault("localhost"),
    port: integer("Port to listen on; 0 takes any free one.", 0, 65_535).prefault(8081),
    work_mode: choice(
      "auto: forward where client and provider speak the same protocol, else translate. passthrough: refuse what needs translation. translation: refuse what needs none.",
      ["auto", "passthrough", "translation"],
    ).prefault("auto"),
    auth: auth.describe("Who may call.").prefault({}),
    logging: logging.describe("The log.").prefault({}),
    workers: leaf(
      z
        .union([z.int().min(1).max(1024), z.literal("auto"), z.string().regex(/^\d{1,4}$/)])
        .transform((value) => (value === "auto" ? value : Number(value)))
        .refine((value) => value === "auto" || (value >= 1 && value <= 1024)),
      {
        kind: "integer",
        description: "Processes that serve requests; auto: one a processor core.",
        allowed: "a whole number from 1 to 1024, or auto",
      },
    ).prefault(1),
    limits: z
      .strictObject({
        body: size("Largest request body, counted after inflating.", 512 * 2 ** 20, "512MiB").prefault("32MiB"),
        bodies_in_flight: size(
          "Bodies of all requests that one process serves at a time; the requests of one key may have half of it.",
          64 * 2 ** 30,
          "64GiB",
        ).prefault("256MiB"),
        connections: integer("Connections that clients may have open to one process.", 10, 1_000_000).prefault(20_000),
        values: integer(
          "Most values and names of members in the JSON of a request that is translated; one with more would keep all others waiting.",
          1000,
          10_000_000,
        ).prefault(250_000),
      })
      .describe("Limits on requests.")
      .prefault({}),
    timeouts: gatewayTimeouts.describe("How long is waited.").prefault({}),
    early_head: duration(
      "Streams: when no provider has answered after this time, the head of the answer goes out, and keep-alives, so that load balancers do not cut the connection; an error that comes later is one in the stream. Never if omitted.",
    ).optional(),
    on_loss: choice(
      "What to do with a request field that a provider's protocol has no place for: leave it out and report it, or refuse the request.",
      ["report", "refuse"],
    ).prefault("report"),
    responses: z
      .strictObject({
        lifetime: lifetime("How long OpenAI Responses are kept for clients that continue or read them.").prefault("30d"),
        max_size: size("A response that is larger, with its input, is answered but not kept.", 64 * 2 ** 20, "64MiB").prefault("8MiB"),
      })
      .describe("OpenAI Responses that the gateway keeps where no provider does.")
      .prefault({}),
    trust_loopback: flag(
      "Whether programs on this machine may read /metrics without a key. Set it to false if a proxy on this machine forwards requests without a trace of itself.",
    ).prefault(true),
    cors: leaf(z.array(corsOrigin), {
      kind: "list",
      description: "Origins of web pages that may call the gateway from a browser.",
      allowed: "a list of origins, as in https://app.example.com",
    }).prefault([]),
  })
  .describe("The server.")
  .prefault({});

export type ParsedGateway = z.output<typeof gatewaySchema>;

export interface GatewaySection {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly workMode: WorkMode;
  readonly auth: { readonly enabled: boolean; readonly type: "api_key" };
  /** `file`: absolute; if omitted: beside the database. */
  readonly logging: { readonly level: LogLevel; readonly file?: string };
  readonly workers: number | "auto";
  readonly limits: {
    readonly bodyBytes: number;
    /** Of the bodies of all requests that one process serves at a time. */
    readonly bodiesInFlightBytes: number;
    /** Connections that clients may have open to one process. */
    readonly connections: number;
    /** Most values and names in the JSON of a request that is translated. */
    readonly values: number;
  };
  readonly timeouts: GatewayTimeouts;
  /** `undefined`: the head of a stream never goes out before its provider answers. */
  readonly earlyHeadMs: number | undefined;
  readonly onLoss: "report" | "refuse";
  /** Responses that the gateway keeps where no provider does. */
  readonly responses: { readonly lifetimeMs: number; readonly maxSizeBytes: number };
  /** Whether a local program gets without a key what else needs an admin's. */
  readonly trustLoopback: boolean;
  readonly cors: readonly string[];
}

export interface GatewayTimeouts extends Timeouts {
  /** A client's head or body that makes no progress for this time is cut off. */
  readonly clientMs: number;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export function readGateway(gateway: ParsedGateway, base: PathBase): GatewaySection {
  const { file } = gateway.logging;
  return {
    host: gateway.host,
    port: gateway.port,
    workMode: gateway.work_mode,
    auth: gateway.auth,
    logging: { level: gateway.logging.level, ...(file === undefined ? {} : { file: resolvePath(file, base) }) },
    workers: gateway.workers,
    limits: {
      bodyBytes: gateway.limits.body,
      bodiesInFlightBytes: gateway.limits.bodies_in_flight,
      connections: gateway.limits.connections,
      values: gateway.limits.values,
    },
    timeouts: readTimeouts(gateway.timeouts),
    earlyHeadMs: gateway.early_head,
    onLoss: gateway.on_loss,
    responses: { lifetimeMs: gateway.responses.lifetime, maxSizeBytes: gateway.responses.max_size },
    trustLoopback: gateway.trust_loopback,
    cors: gateway.cors,
  };
}

function readTimeouts({ connect, first_byte, idle, total, stream_total, client }: ParsedGateway["timeouts"]): GatewayTimeouts {
  return { connectMs: connect, firstByteMs: first_byte, idleMs: idle, totalMs: total, streamTotalMs: stream_total, clientMs: client };
}
