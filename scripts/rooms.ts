/** The rooms under `src/` and what each may import, as `docs/architecture.md` tells it. The lint borders are generated from this table. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ir: ["core"],
  store: ["core"],
  protocols: ["core", "ir"],
  upstream: ["core", "ir", "protocols"],
  accounts: ["core", "store"],
  ledger: ["core", "ir", "store"],
  gateway: ["core", "ir", "store", "protocols", "upstream", "accounts", "ledger"],
  server: ["core", "ir", "store", "protocols", "upstream", "accounts", "ledger", "gateway"],
  app: ["core", "ir", "store", "protocols", "upstream", "accounts", "ledger", "gateway", "server"],
};

/** Protocols never import a sibling; what the OpenAI dialects share has a folder of its own. */
export const protocolFolders: Readonly<Record<string, readonly string[]>> = {
  "openai-chat": ["openai-shared"],
  "openai-responses": ["openai-shared"],
  "openai-shared": [],
  "anthropic-messages": [],
  "gemini-generate": [],
};

/** Packages that only these rooms may import. A package that is not named may be imported anywhere. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  undici: ["upstream"],
  kysely: ["store", "accounts", "ledger"],
  "node:sqlite": ["store"],
  "prom-client": ["server"],
  pino: ["app"],
  commander: ["app"],
  yaml: ["app"],
  "@pydantic/genai-prices": ["ledger"],
};
