/** The rooms under `src/` and what each may import, as `docs/architecture.md` describes it. `oxlint.config.ts` makes the lint borders from these tables. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ir: ["core"],
  settings: ["core"],
  store: ["core", "settings"],
  limits: ["core", "settings", "store"],
  alerts: ["core", "settings", "store"],
  protocols: ["core", "ir"],
  upstream: ["core", "ir", "settings", "protocols"],
  policy: ["core", "ir", "settings", "protocols"],
  accounts: ["core", "store"],
  ledger: ["core", "ir", "settings", "store"],
  gateway: ["core", "ir", "settings", "store", "protocols", "upstream", "policy", "accounts", "ledger", "limits"],
  market: ["core", "ir", "settings", "store", "protocols", "upstream", "accounts", "ledger", "gateway"],
  server: ["core", "ir", "settings", "store", "protocols", "upstream", "accounts", "ledger", "limits", "alerts", "gateway", "market"],
  app: [
    "core",
    "ir",
    "settings",
    "store",
    "alerts",
    "limits",
    "protocols",
    "upstream",
    "policy",
    "accounts",
    "ledger",
    "gateway",
    "market",
    "server",
  ],
};

/**
 * The folders inside a room that have a border of their own, and the sibling folders that each may import. All of them may import the files that
 * lie directly in their room. A protocol never imports another one: `shared` has what all protocols use, `openai-shared` what the OpenAI dialects share.
 */
export const folders: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  server: {
    http: [],
    observe: ["http"],
    routes: ["http", "observe"],
    admin: ["http"],
  },
  gateway: {
    errors: [],
    headers: [],
    tokens: [],
    bodies: [],
    proofs: [],
    "prompt-caches": ["headers"],
    "response-cache": ["headers", "bodies"],
    responses: ["errors", "headers", "bodies"],
    admission: ["errors", "tokens", "bodies", "responses"],
    answers: ["errors", "headers", "tokens", "bodies", "responses", "admission"],
    lanes: ["errors", "headers", "tokens", "bodies", "proofs", "prompt-caches", "response-cache", "responses", "answers"],
    failover: ["errors", "headers", "tokens", "bodies", "prompt-caches", "admission", "answers", "lanes"],
  },
  market: {
    identity: [],
    documents: ["identity"],
    clearing: ["documents"],
  },
  upstream: {
    http1: [],
    transport: ["http1"],
    providers: ["transport"],
    resilience: [],
    routing: ["resilience"],
  },
  ledger: {
    entries: [],
    journal: ["entries"],
    prices: ["entries"],
    ingest: ["entries", "journal", "prices"],
    rollups: ["entries"],
    budgets: ["entries"],
    reports: ["entries", "rollups"],
    reconcile: [],
  },
  store: {
    migrations: [],
    sqlite: ["migrations"],
    postgres: ["migrations"],
    redis: [],
    kept: [],
  },
  protocols: {
    shared: [],
    "openai-shared": ["shared"],
    "openai-chat": ["shared", "openai-shared"],
    "openai-responses": ["shared", "openai-shared"],
    "anthropic-messages": ["shared"],
    "gemini-generate": ["shared"],
  },
};

/** Packages that only these rooms may import. A package that is not named may be imported anywhere. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  undici: ["upstream"],
  nodemailer: ["upstream"],
  kysely: ["store", "accounts", "alerts", "ledger", "limits"],
  ioredis: ["store"],
  "node:sqlite": ["store"],
  "prom-client": ["server"],
  pino: ["app"],
  commander: ["app"],
  yaml: ["app"],
  "@pydantic/genai-prices": ["ledger"],
  re2js: ["core"],
};
