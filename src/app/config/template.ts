/** A server on this machine that was found answering. */
export interface DetectedServer {
  /** The provider's name; the preset's if omitted. */
  readonly name?: string;
  readonly preset: string;
  readonly baseUrl: string;
}

export interface TemplateInput {
  readonly detected?: readonly DetectedServer[];
}

/**
 * The commented file that `tokligence init` writes. A line that begins with `#` and no space is a setting that is switched off: take the `#` away to
 * switch it on. Each is one line, so that nothing is lost when a program saves the file and its comments move.
 */
export function renderConfigFile({ detected = [] }: TemplateInput = {}): string {
  const servers = named(detected);
  return `${head}${servers.map(renderDetected).join("")}${examples(servers)}${tail}`;
}

/** Every server with a name of its own: `ollama`, `ollama-2`. */
function named(detected: readonly DetectedServer[]): Required<DetectedServer>[] {
  const taken = new Set(["openai", "anthropic", "google"]);
  return detected.map(({ name: wanted, preset, baseUrl }) => {
    const base = wanted ?? preset;
    let name = base;
    for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
    taken.add(name);
    return { name, preset, baseUrl };
  });
}

function renderDetected({ name, preset, baseUrl }: Required<DetectedServer>): string {
  return `
  # Found on this machine.
  ${JSON.stringify(name)}:
    preset: ${JSON.stringify(preset)}
    base_url: ${JSON.stringify(baseUrl)}
`;
}

const head = `# Tokligence Gateway. A line that begins with # and no space is a setting that is switched off.
# \${VARIABLE} and \${VARIABLE:-default} are taken from the environment. Every setting can also be set there:
# gateway.port is TOKLIGENCE_GATEWAY_PORT. The running gateway reads this file again when it has changed.

gateway:
  # localhost is 127.0.0.1 and ::1; 0.0.0.0 listens on all addresses.
  host: localhost
  port: 8081
  # auto: forward where client and provider speak the same protocol, else translate.
  # passthrough: only forward. translation: only translate.
  work_mode: auto
  # With enabled: false no key is needed, and the gateway serves this machine only.
  auth: { enabled: true, type: api_key }
  # level: debug, info, warn, error or silent. file: by default beside the database.
  logging: { level: info }
  # Processes that serve requests; auto: one a processor core.
  #workers: 1
  # body: the largest request body. bodies_in_flight: of all requests that one process serves at a time; one key may have half of it.
  # connections: open at a time, in one process. values: most values and names in the JSON of a request that is translated.
  #limits: { body: 32MiB, bodies_in_flight: 256MiB, connections: 20000, values: 250000 }
  # connect: until a connection to a provider is open. first_byte: until a stream begins. idle: between two pieces of an answer.
  # total, stream_total: a whole answer, a whole stream. client: until a client that sends no more of its request is cut off.
  #timeouts: { connect: 3s, first_byte: 60s, idle: 120s, total: 600s, stream_total: 3600s, client: 15s }
  # A request field that a provider has no place for: report (leave it out and say so) or refuse.
  #early_head: 20s  # opens a silent stream after this time, so that load balancers do not cut it
  #on_loss: report
  # OpenAI Responses that the gateway keeps where no provider does: for how long, and how large at most.
  #responses: { lifetime: 30d, max_size: 8MiB }
  # Web pages that may call the gateway from a browser.
  #cors: [https://app.example.com]
  #trust_loopback: true

database:
  # sqlite, or postgresql, on which several gateways can share users, keys and the ledger
  type: sqlite
  # Paths start at this file's folder; ~ is the home folder.
  path: gateway.db
  # PostgreSQL: a URL, or its parts. path then only says where pid file, log and journal lie.
  #url: \${DATABASE_URL}
  #host: localhost
  #port: 5432
  #database: tokligence
  #username: tokligence
  #password: \${DATABASE_PASSWORD}
  #pool: 10
  #tls: true

# Who serves models. A provider whose variable is not set is disabled, and that is no error.
providers:
  openai: { api_key: "\${OPENAI_API_KEY}" }
  anthropic: { api_key: "\${ANTHROPIC_API_KEY}" }
  google: { api_key: "\${GOOGLE_API_KEY}" }
`;

interface Example {
  readonly preset: string;
  readonly text: string;
}

const exampleRows: readonly Example[] = [
  {
    preset: "azure-openai",
    text: `  # Azure's models are the names of your deployments.
  #azure: { base_url: https://YOUR-RESOURCE.openai.azure.com/openai/v1, api_key: "\${AZURE_OPENAI_API_KEY}", models: [my-gpt] }
`,
  },
  { preset: "openrouter", text: '  #openrouter: { api_key: "${OPENROUTER_API_KEY}" }\n' },
  { preset: "ollama", text: "  #ollama: { base_url: http://localhost:11434/v1 }\n" },
];

const anyServer = `  # Any other server. protocols: one or more of openai-chat, openai-responses, anthropic-messages, gemini-generate.
  # base_url: with /v1 for the OpenAI protocols, without for Anthropic and Gemini.
  #my-server: { protocols: [openai-chat], base_url: "http://localhost:9000/v1", api_key: "\${MY_SERVER_KEY}", models: [my-model] }
  # A provider can also have enabled: false, probe: false (it is not asked for its models each minute without requests), preset: NAME, api_keys: [several, taken in turn], headers: { name: text }, query: { name: text },
  # key_header: NAME (of the bare key), timeouts: { connect: 3s, first_byte: 60s, idle: 120s, total: 600s, stream_total: 3600s },
  # limits: { requests_per_minute: 500, tokens_per_minute: 200000, requests_per_day: 10000, tokens_per_day: 5000000, concurrent: 20 } (its quota),
  # quirks: { strict_turns: true, … } (what a server of your own refuses: docs/translation.md).
  # caching: auto     # auto | client | off: who marks prompts for its cache (docs/caching.md).
`;

function examples(detected: readonly DetectedServer[]): string {
  const rows = exampleRows.filter((row) => !detected.some((server) => server.preset === row.preset)).map((row) => row.text);
  return `
  # More, switched off. Known by name are openai, anthropic, google, azure, openrouter, deepseek, groq, mistral, xai, together, fireworks,
  # ollama, vllm, lm-studio and llama.cpp: only what differs needs to be said.
${rows.join("")}
${anyServer}`;
}

const tail = `
# Which provider serves which models; the first pattern that fits wins. Without routes each vendor's models go to that vendor, and servers tell
# which models they have.
#model_provider_routes: { "gpt-*": openai, "claude-*": [anthropic, openai], "gemini-*": google }

# Other names for models.
#model_aliases: { fast: gpt-5-mini, careful: anthropic/claude-opus-4-5 }

# What a model accepts, where its name does not say it (a deployment): docs/model-traits.md.
#model_traits: { "prod-*": { like: gpt-4.1 } }

# Models of your own, with several targets, and what to ask when all targets of a model have failed: docs/routing.md.
#models: { smart: { targets: [anthropic/claude-opus-4-6, { model: openai/gpt-5.5, weight: 2 }], strategy: priority, affinity: auto, hedge: off } }
#fallbacks: { "gpt-*": [anthropic/claude-sonnet-4-6] }
# strategy: priority, weighted, cheapest, fastest or least-busy. affinity: whether a conversation stays at one target, whose prompt cache knows it.
# hedge: after this time without content (800ms, or p95: the time of 95 % of its answers) a second target is asked at the same time.
# A target that fails is tried again at most retries times, and only by a share of the requests in flight; other targets are asked first. breaker: when a target
# that fails is left alone: after in_a_row failures, or a share of its last answers.
#routing: { strategy: priority, affinity: auto, retries: 2, retry_budget: 20%, breaker: { in_a_row: 5, share: 50%, of: 20, window: 10s, open: 30s } }

# How many requests and tokens keys may have: default is for a key without limits of its own, which "tokligence limit set" gives. store: memory, redis
# or postgresql, which gateways on several machines share. A provider's own quota is limits under the provider.
# max_in_flight: model requests that one process serves at a time; over that, 503: docs/limits.md. Nothing is limited unless it is set.
#limits: { max_in_flight: 2000, store: memory, default: { requests_per_minute: 600, tokens_per_minute: 400000, requests_per_day: 100000, tokens_per_day: 50000000, concurrent: 50 } }
# A Redis server that several gateways share.
#redis: { url: "\${REDIS_URL}" }

# With enabled: true the answers of keys made with --cache are kept, and sent again to equal requests. shared: true sends them to other users, too: docs/caching.md.
#response_cache: { enabled: false, store: memory, lifetime: 10m, max_size: 64MiB, shared: false }

# What a crash may cost. power: nothing, even when the power fails. process: nothing when the process dies. async: entries still in memory.
# Budgets reckon with unpriced_ceiling, US dollars a million tokens, where a model has no price; with output_ceiling where a request sets no limit.
# retention: how long usage entries are kept (without it for ever; reports keep their sums) and journals of processes that have ended.
# time_zone: whose days and months budgets and reports mean, as in Europe/Berlin.
# bodies: with enabled: true what was asked and answered is kept, without credentials, media and what the regular expressions of redact match.
#ledger: { durability: process, time_zone: UTC, unpriced_ceiling: { input: "15", output: "75" }, output_ceiling: 16384, retention: { entries: 400d, journal: 1d }, bodies: { enabled: false, lifetime: 7d, max_size: 256KiB, redact: [] } }

# If an agent repeats one tool call and gets the same result, a note is added to that result: from note_at times in a row, from warn_at in stronger words; from
# refuse_at its request is refused. exempt: tools that repeat themselves by design.
#guards: { duplicate_tool_calls: { enabled: true, note_at: 3, warn_at: 5, refuse_at: 20, exempt: [write_stdin, wait, TaskOutput] } }

# What must not leave for a provider: docs/firewall.md. detect: secret, email, iban, card, national_id, phone, ip, prompt_injection. action: observe, mask (the provider
# gets placeholders, the client its own texts back) or block. direction: request, answer or both. classifiers: servers of yours that judge texts, for rules that name them;
# kind: webhook, presidio, guard_model (Llama Guard and its like) or moderation; on_error: closed refuses what is not judged; streams: hold waits for the judgement.
#firewall: { rules: { personal-data: { action: mask, direction: request, sets: [], detect: [email, phone, iban, card], words: [], patterns: [], classifiers: [], users: ["*"], models: ["*", "!local/*"] } }, classifiers: {} }

# Who hears of budgets that are used up, models without a price, unusual spend and a late ledger; the log always does: docs/alerts.md. A webhook has a name:
# { ops: { url: "https://hooks.example.com/gateway", secret: a-secret-of-yours, format: json (or slack, discord), events: [budget_stopped] } }
#alerts: { webhooks: {}, email: { to: [], from: gateway@example.com, host: smtp.example.com, port: 587, username: gateway, password: "\${SMTP_PASSWORD}", tls: starttls }, spend_factor: 3, spend_least: 10, ledger_lag: 1m }

# Questions of the gateway's own with known answers, which show whether a model has changed: docs/degradation.md. every: between two questions to one target.
# budget: US dollars that they may cost a day.
#canaries: { models: [gpt-5, anthropic/claude-opus-4-6], every: 10m, budget: "1" }

# otlp: traces of requests go to an OpenTelemetry collector or to Langfuse; content: with what was asked and answered. labels: metrics by user, key or both: docs/telemetry.md.
#telemetry: { otlp: { endpoint: "http://localhost:4318", headers: {}, service_name: tokligence }, content: false, labels: [], max_label_values: 100 }

# Buying models from other gateways and sharing your own: docs/market.md. listen: where others reach this one, once something is shared; reach: the URL that they
# use; hold: credits that a lease reserves at least; lease: how long one lasts; per_buyer: what each buyer may use.
# allow_private, max_exposure: of exchanges that this gateway has joined. buy: what is bought automatically, when, and for how much; sell: what is kept
# for own requests: docs/market/automatic.md. relay: whose calls this gateway forwards, as a relay: docs/market/relay.md.
#market: { listen: "127.0.0.1:8082", reach: "http://192.0.2.7:8082", name: rig, hold: "0.02", lease: 5m, per_buyer: { concurrency: 2, leases: 100, calls_per_second: 20, tokens_per_minute: 100000, tokens_per_day: 5000000 }, allow_private: false, max_exposure: "5", buy: { tools: false, open_answers: false, keyless: peers, policy: {}, max_price: {}, substitutes: {}, min_saving: 15%, per_day: "5", per_peer: "2", regions: [], quantizations: [], probes: 1% }, sell: { reserve: 1, headroom: 20%, preempt: drain }, relay: { members: true, peers: false, url: "http://192.0.2.7:8082", sellers: 50, calls: 32, calls_per_caller: 8, megabytes_per_hour: 10000 } }

# Clearing what other gateways trade with each other: docs/market.md. organisation: that all members belong to; fee_ppm: millionths of each payment; settle: how long a seller
# may settle; window: how long a buyer may contest.
#exchange: { enabled: false, organisation: acme, fee_ppm: 0, settle: 1h, window: 1d }

# Single sign-on with OpenID Connect: docs/sso.md. roles: the role that each group gives; without a group that is named, default_role. issuer, client_id and client_secret: of
# the provider. public_url: where browsers reach this gateway.
#auth: { oidc: { issuer: "https://id.example.com", client_id: gateway, client_secret: "\${OIDC_CLIENT_SECRET}", public_url: "https://gateway.example.com", scopes: [openid, profile, email], authorize_parameters: {}, groups_claim: groups, roles: { gateway-admins: admin, engineers: user }, default_role: none, allowed_domains: [], username_claim: preferred_username, key_lifetime: 30d, check_every: 15m } }
# What was changed and used, in a chain of hashes that shows tampering: docs/audit.md. usage: usage entries too. head: a file that gets each signature. events: a file of
# OCSF events for a SIEM. head_webhook: gets each signature. syslog: gets each event. key: the key that signs, beside the database if omitted.
#audit: { enabled: true, usage: true, key: audit-key.pem, head: audit-head.json, events: audit-events.jsonl, head_webhook: "https://hooks.example.com/audit", syslog: "tls://siem.example.com:6514" }

# Prices over those of the lists that come with the program: US dollars a million tokens. docs/prices.md has all rates and conditions: cached and spoken
# tokens, searches, classes of service, long prompts, hours, speeds and regions. prices_file: a list of your own, in the form of LiteLLM's.
#prices_file: model_prices_and_context_window.json
#prices: { ollama/qwen3: { input: "0.05", output: "0.2" } }
`;
