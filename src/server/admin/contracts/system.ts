import * as z from "zod";
import { protocolIds } from "../../../ir/index.ts";
import { fallbackReasons, strategies } from "../../../upstream/index.ts";
import type { OperationContract } from "./contract.ts";

const protocol = z.enum(protocolIds).meta({ id: "Protocol" });

const dependency = z
  .object({
    name: z.string(),
    state: z
      .enum(["up", "degraded", "down", "idle", "disabled"])
      .describe("idle: it has not been asked, or not for a while; degraded: it serves, and its message says what is wrong"),
    latency_ms: z.number().nullable().describe("of a provider the time to an answer's head, averaged"),
    message: z.string().nullable().describe("why it is not up"),
    since: z.string().nullable().describe("since when it is in this state, as far as the process knows"),
    last_error: z.string().nullable(),
    last_error_at: z.string().nullable(),
  })
  .meta({ id: "Dependency" });

export const systemContracts = {
  "models.list": {
    method: "GET",
    path: "/api/v1/models",
    access: "admin",
    summary: "Lists every model that can be called by an exact name.",
    answer: z.object({
      data: z
        .array(
          z.object({
            id: z.string(),
            provider: z.string(),
            createdAt: z.number().describe("seconds since 1970: when the gateway learned of it"),
          }),
        )
        .readonly(),
    }),
  },
  "routes.list": {
    method: "GET",
    path: "/api/v1/routes",
    access: "admin",
    summary: "Shows routes, aliases and providers as they are now.",
    answer: z.object({
      model_provider_routes: z.array(z.object({ pattern: z.string(), providers: z.array(z.string()).readonly() })).readonly(),
      model_aliases: z.record(z.string(), z.string()),
      models: z.record(
        z.string(),
        z.object({
          targets: z.array(z.object({ model: z.string(), weight: z.number() })).readonly(),
          strategy: z.enum(strategies),
          affinity: z.boolean(),
          hedge: z.string(),
        }),
      ),
      fallbacks: z
        .record(z.string(), z.partialRecord(z.enum(fallbackReasons), z.array(z.string()).readonly()))
        .describe("by pattern and reason"),
      providers: z
        .array(
          z.object({
            name: z.string(),
            enabled: z.boolean(),
            disabled_reason: z.string().optional(),
            protocols: z.array(protocol).readonly(),
            models: z.array(z.string()).readonly(),
            patterns: z.array(z.string()).readonly(),
          }),
        )
        .readonly(),
    }),
  },
  "routes.explain": {
    method: "GET",
    path: "/api/v1/routes/explain",
    access: "admin",
    summary: "Explains which provider would serve a model, and why.",
    query: z.object({
      model: z.string().optional(),
      dialect: z
        .string()
        .optional()
        .describe(`${protocolIds.join(", ")}; openai-chat if omitted`),
      // Not `key`, which is a credential in any query.
      key_id: z.string().optional().describe("id or prefix of a key of the gateway: which targets its model list allows"),
    }),
    answer: z.object({
      model: z.string(),
      dialect: protocol,
      steps: z.array(z.string()).readonly().describe("what was looked at, in order, each with its outcome"),
      attempts: z
        .array(
          z.object({ provider: z.string(), model: z.string(), protocol, lane: z.enum(["verbatim", "patched", "translated", "builtin"]) }),
        )
        .readonly(),
      strategy: z.enum(strategies),
      affinity: z.boolean().describe("a conversation stays at one target"),
      hedge: z.string().describe("after this time without content a second target is asked at the same time: a duration, p95 or off"),
      targets: z
        .array(
          z.object({
            role: z.enum(["target", ...fallbackReasons]).describe("target, or the reason of the fallbacks that it belongs to"),
            provider: z.string(),
            model: z.string(),
            key: z.string().nullable().describe("the id of the provider's key"),
            protocol: protocol.nullable(),
            lane: z.enum(["verbatim", "patched", "translated", "builtin"]).nullable(),
            kept: z.boolean().describe("a request may go to it now"),
            reason: z.string().nullable().describe("why it is passed over"),
            weight: z.number(),
            input_usd: z.string().nullable().describe("price of a million tokens; null: not known"),
            output_usd: z.string().nullable(),
            first_content_ms: z.number().nullable().describe("average of the last minutes, in this process; null: not measured"),
            total_ms: z.number().nullable(),
            first_content_p95_ms: z
              .number()
              .nullable()
              .describe("95 % of the last streams had content within this time; null: too few were measured"),
            total_p95_ms: z.number().nullable(),
            in_flight: z.number(),
          }),
        )
        .readonly()
        .describe("every target, then those of fallbacks"),
      problem: z.string().optional().describe("why there is no attempt"),
    }),
  },
  "config.get": {
    method: "GET",
    path: "/api/v1/config",
    access: "admin",
    summary: "Shows the configuration, secrets masked.",
    answer: z.record(z.string(), z.unknown()),
  },
  "ledger.status": {
    method: "GET",
    path: "/api/v1/ledger",
    access: "admin",
    summary: "Shows what waits for the database, and the journals on disk.",
    answer: z.object({
      durability: z.enum(["power", "process", "async"]),
      healthy: z.boolean().nullable().describe("`null`, as all numbers of a daemon: none is running"),
      problem: z.string().nullable(),
      queued: z.number().nullable().describe("entries that are not in the database yet"),
      lag_ms: z.number().nullable().describe("how long the oldest of them has waited; `null` with several workers"),
      open_attempts: z.number().nullable(),
      last_checkpoint: z.string().nullable(),
      directory: z.string(),
      journals: z.array(z.object({ journal: z.string(), segments: z.number(), size_bytes: z.number(), finished: z.boolean() })).readonly(),
    }),
  },
  "status.get": {
    method: "GET",
    path: "/api/v1/status",
    access: "admin",
    summary: "Shows state, process id, port and uptime of the daemon.",
    answer: z.looseObject({
      status: z.enum(["running", "stopped"]),
      pid: z.number().optional(),
      port: z.number().optional(),
      uptime_seconds: z.number().optional(),
    }),
  },
  "health.get": {
    method: "GET",
    path: "/api/v1/health",
    access: "admin",
    summary: "Shows the health of all parts, as `/health` does on the gateway's own machine.",
    answer: z.object({
      status: z.enum(["ok", "degraded", "unavailable"]),
      version: z.string(),
      uptime_seconds: z.number(),
      dependencies: z.array(dependency).readonly(),
      providers: z.array(dependency.extend({ keys: z.array(dependency).readonly() })).readonly(),
    }),
  },
  "config.reload": {
    method: "POST",
    path: "/api/v1/reload",
    access: "admin",
    summary: "Reads the configuration again. One that is not valid changes nothing.",
    answer: z.object({ status: z.literal("reloaded") }),
  },
  "daemon.restart": {
    method: "POST",
    path: "/api/v1/restart",
    access: "control",
    summary: "Starts a gateway that takes the place of this one without a gap; only over the control socket.",
    body: z.object({
      command: z.array(z.string()).min(1).describe("the program, and its arguments"),
      environment: z.record(z.string(), z.string()),
    }),
    answer: z.discriminatedUnion("outcome", [
      z.object({ outcome: z.literal("serving"), pid: z.number() }),
      z.object({ outcome: z.literal("declined"), reason: z.string().describe("why it has to be stopped before it is started") }),
      z.object({ outcome: z.literal("failed"), problem: z.string(), stderr: z.string().describe("the last words of the new gateway") }),
    ]),
  },
  "daemon.stop": {
    method: "POST",
    path: "/api/v1/stop",
    access: "control",
    summary: "Begins the shutdown; only over the control socket.",
    answer: z.object({ status: z.literal("stopping") }),
  },
} as const satisfies Record<string, OperationContract>;
