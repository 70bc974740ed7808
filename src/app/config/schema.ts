import * as z from "zod";
import { compilePattern, PatternError } from "../../core/index.ts";
import { protocolIds } from "../../ir/index.ts";
import { choice, duration, flag, flagPattern, integer, leaf, lifetime, path, secret, size, text, texts, usdRate } from "./leaf-types.ts";
import { quirksSetting } from "./quirks-schema.ts";

const logging = z.strictObject({
  level: choice("What is logged: this level and all that is graver.", ["debug", "info", "warn", "error", "silent"]).prefault("info"),
  file: path("The log file; beside the database where left out. Where it cannot be written, the log goes to stderr.").optional(),
});

const auth = z.strictObject({
  enabled: flag("Whether requests need a key. Without, the gateway serves this machine only.").prefault(true),
  type: choice("How callers prove who they are.", ["api_key"]).prefault("api_key"),
});

const gatewayTimeouts = z.strictObject({
  connect: duration("Until a connection to a provider stands.").prefault("3s"),
  first_byte: duration("Streams: until a provider's answer begins.").prefault("60s"),
  idle: duration("Between two pieces of a provider's answer.").prefault("120s"),
  total: duration("JSON answers, from sending the request to the last byte.").prefault("600s"),
  stream_total: duration("Streams, from sending the request to the last byte.").prefault("3600s"),
  client: duration("A client's request that makes no progress for so long is cut off.").prefault("15s"),
});

const providerTimeouts = z.strictObject({
  connect: duration("As gateway.timeouts.connect, for this provider.").optional(),
  first_byte: duration("As gateway.timeouts.first_byte, for this provider.").optional(),
  idle: duration("As gateway.timeouts.idle, for this provider.").optional(),
  total: duration("As gateway.timeouts.total, for this provider.").optional(),
  stream_total: duration("As gateway.timeouts.stream_total, for this provider.").optional(),
});

const corsOrigin = z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value && value !== "null");

const gateway = z
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

const tlsFiles = z.strictObject({
  ca: z.string().min(1).describe("File of the certificate authority that the server's certificate must be from.").optional(),
  cert: z.string().min(1).describe("File of the client's certificate.").optional(),
  key: z.string().min(1).describe("File of the client's key.").optional(),
});

const database = z
  .strictObject({
    type: choice("Which database.", ["sqlite", "postgresql"]).prefault("sqlite"),
    path: path("SQLite: the database file. Pid file, log, journal and control socket lie beside it, also with PostgreSQL.").prefault(
      "~/.config/tokligence/gateway.db",
    ),
    url: secret(
      "PostgreSQL: everything in one URL, instead of the keys below.",
      "a URL as in postgresql://user@host:5432/database",
    ).optional(),
    host: text("PostgreSQL: host; localhost where left out.", "a host name or an address").optional(),
    port: integer("PostgreSQL: port; 5432 where left out.", 1, 65_535).optional(),
    database: text("PostgreSQL: name of the database; tokligence where left out.").optional(),
    username: text("PostgreSQL: user; tokligence where left out.").optional(),
    password: secret("PostgreSQL: password.").optional(),
    pool: integer("PostgreSQL: most connections of one process.", 1, 1000).prefault(10),
    tls: leaf(z.union([z.boolean(), z.string().regex(flagPattern), z.literal("require"), tlsFiles]), {
      kind: "json",
      description:
        "PostgreSQL: whether the connection is encrypted and the server's certificate checked; or the files for it. require: encrypted, the certificate unchecked.",
      allowed: "true, false, require, or a map of ca, cert and key, each a file's path",
    }).prefault(false),
  })
  .describe("Where users, keys and the ledger are kept.")
  .prefault({});

const baseUrlAllowed = `a URL that starts with https:// or http://, or a map of such URLs for some of ${protocolIds.join(", ")}`;

const provider = z.strictObject({
  enabled: flag("Whether it is used.").prefault(true),
  preset: text("What the rest is taken from, as in openai, azure, ollama; the provider's own name where left out.").optional(),
  protocols: leaf(z.array(z.enum(protocolIds)).min(1), {
    kind: "list",
    description: "What it speaks: the client's own is preferred, then the first listed. Required where there is no preset.",
    allowed: `a list of one or more of ${protocolIds.join(", ")}`,
  }).optional(),
  base_url: leaf(z.union([z.string().min(1), z.partialRecord(z.enum(protocolIds), z.string().min(1))]), {
    kind: "urls",
    description:
      "Where it is, ending where the vendor's SDK's base ends: with /v1 for the OpenAI protocols. One URL, or one for each protocol.",
    allowed: baseUrlAllowed,
    sensitive: true,
  }).optional(),
  api_key: secret('Its key, best as ${VARIABLE}: where that is not set, the provider is disabled. "" means that it needs none.').optional(),
  api_keys: texts("Several keys, taken in turn.", "a list of texts, best as ${VARIABLE}", true).optional(),
  models: texts("Models that it serves, by their exact names.", "a list of model names").optional(),
  headers: leaf(z.record(z.string().min(1), z.string()), {
    kind: "map",
    description: "Headers added to every request to it.",
    allowed: "a map of header names and texts",
    sensitive: true,
  }).optional(),
  query: leaf(z.record(z.string().min(1), z.string()), {
    kind: "map",
    description: "Query parameters added to every request to it.",
    allowed: "a map of parameter names and texts",
    sensitive: true,
  }).optional(),
  timeouts: providerTimeouts.describe("Times for this provider alone.").prefault({}),
  key_header: text(
    "Header that carries the bare key, where it is not the protocol's own, as in api-key.",
    "the name of a header",
  ).optional(),
  quirks: quirksSetting.optional(),
});

const tokenPrices = {
  input: usdRate("Input, US dollars a million tokens.").optional(),
  output: usdRate("Output, US dollars a million tokens.").optional(),
  cache_read: usdRate("Input read from the provider's cache, US dollars a million tokens.").optional(),
  cache_write_5m: usdRate("Input written to a cache for 5 minutes, US dollars a million tokens.").optional(),
  cache_write_1h: usdRate("Input written to a cache for an hour, US dollars a million tokens.").optional(),
};

function isPriced({ input, output }: { readonly input?: string | undefined; readonly output?: string | undefined }): boolean {
  return input !== undefined || output !== undefined;
}

function tierPrices(description: string) {
  return z.strictObject(tokenPrices).refine(isPriced).describe(description).optional();
}

const price = z
  .strictObject({
    ...tokenPrices,
    batch: tierPrices("The same for batches (service_tier: batch)."),
    flex: tierPrices("The same for flexible processing (service_tier: flex)."),
    priority: tierPrices("The same for priority processing (service_tier: priority)."),
  })
  .refine(isPriced);

/** The issue's message says what is wrong with the pattern; `problemsOf` puts it behind the value. */
const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    try {
      compilePattern(text);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      context.addIssue({ code: "custom", message: error.message, params: { isReason: true } });
    }
  });

const bodies = z.strictObject({
  enabled: flag("Whether the bodies of requests and answers are kept, redacted, for admins to read.").prefault(false),
  lifetime: lifetime("How long they are kept.").prefault("7d"),
  max_size: size("So much of a request is kept, and so much of an answer.", 8 * 2 ** 20, "8MiB").prefault("256KiB"),
  redact: leaf(z.array(pattern), {
    kind: "list",
    description: "Regular expressions of what is taken out before a body is stored, beside credentials and media.",
    allowed: "a list of regular expressions in RE2's syntax, without slashes around them",
  }).prefault([]),
});

function ceiling(description: string) {
  return leaf(usdRate(description), { kind: "text", description, allowed: "US dollars a million tokens, as in 15 or 0.25" });
}

/** The configuration as the file has it: names as written there, values read into numbers, milliseconds and bytes. */
export const settingsSchema = z
  .strictObject({
    gateway,
    database,
    providers: z
      .record(z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/), provider)
      .describe("Who serves models, by a name of your choice. openai, anthropic and google are there without being named.")
      .prefault({}),
    model_provider_routes: leaf(z.record(z.string().min(1), z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])), {
      kind: "routes",
      description:
        "Which provider serves which models: a pattern with * and [0-9], then a provider or a list of them, best first. The first pattern that fits wins. Without routes the presets' own patterns hold.",
      allowed: "a map of patterns, each with a provider's name or a list of them",
    }).prefault({}),
    model_aliases: leaf(z.record(z.string().min(1), z.string().min(1)), {
      kind: "map",
      description: "Other names for models: the name that clients use, then a model or provider/model.",
      allowed: "a map of names, each with a model or provider/model",
    }).prefault({}),
    ledger: z
      .strictObject({
        durability: choice(
          "What a crash may cost. power: nothing, even when the power fails. process: nothing when the process dies. async: entries still in memory.",
          ["power", "process", "async"],
        ).prefault("process"),
        unpriced_ceiling: z
          .strictObject({
            input: ceiling("Input, US dollars a million tokens.").prefault("15"),
            output: ceiling("Output, US dollars a million tokens.").prefault("75"),
          })
          .describe("What budgets reckon with where a model has no price.")
          .prefault({}),
        retention: z
          .strictObject({
            entries: lifetime("Usage entries; without it for ever. Reports keep their sums by hour and day in any case.").optional(),
            journal: lifetime("Journals of processes that have ended, after all of them is in the database.").prefault("1d"),
          })
          .describe("How long what is recorded is kept.")
          .prefault({}),
        bodies: bodies.describe("What was asked and answered.").prefault({}),
        output_ceiling: integer("Output tokens that budgets reckon with where a request sets no limit.", 1, 10_000_000).prefault(16_384),
      })
      .describe("The record of usage and cost.")
      .prefault({}),
    guards: z
      .strictObject({
        duplicate_tool_calls: z
          .strictObject({
            enabled: flag("Whether a model is told when its agent repeats one tool call and gets one result.").prefault(true),
            note_at: integer("From so many equal calls in a row the last result says so.", 2, 1000).prefault(3),
            warn_at: integer("From so many it says so in stronger words.", 2, 1000).prefault(5),
            refuse_at: integer("From so many the request is refused; never where left out.", 2, 1000).optional(),
            exempt: texts("Names of tools that repeat themselves by design.", "a list of tool names").prefault([
              "write_stdin",
              "wait",
              "TaskOutput",
            ]),
          })
          .describe("An agent that goes round in circles.")
          .prefault({}),
      })
      .describe("Watching what agents do.")
      .prefault({}),
    prices: leaf(z.record(z.string().min(1), price), {
      kind: "json",
      description: "Prices that replace the catalogue's, by model or provider/model.",
      allowed:
        "input or output, and cache_read, cache_write_5m, cache_write_1h: US dollars a million tokens, as in 0.25, at most nine decimals; and the same again under batch, flex or priority",
    }).prefault({}),
  })
  .describe("Configuration of Tokligence Gateway.");

export type ParsedSettings = z.output<typeof settingsSchema>;
export type ParsedProvider = ParsedSettings["providers"][string];
