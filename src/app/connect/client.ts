/** What a client needs to be connected to the gateway. */
export interface ConnectInput {
  /** Of the gateway, without a path: `http://localhost:8081`. */
  readonly url: string;
  /** The key; `undefined`: it is in the environment, as `TOKLIGENCE_KEY`, or is shown as `tok_…`. */
  readonly key: string | undefined;
  readonly model: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

export interface ClientFile {
  readonly path: string;
  /** What the file has afterwards. `text` is "" if there is no file. @throws Error that says what to do by hand. */
  readonly edit: (text: string) => string;
}

export interface Connection {
  readonly title: string;
  /** Files that the client reads; empty: it keeps its settings elsewhere. */
  readonly files: readonly ClientFile[];
  /** Variables that its process needs. */
  readonly variables: Readonly<Record<string, string>>;
  /** What to do by hand, or how to use it. */
  readonly steps: readonly string[];
  /** The page of the documentation. */
  readonly page: string;
  /** The key must be in the file: the client cannot take it from a variable of another name. */
  readonly needsKey?: true;
}

/** Variables that set a base URL in older programs, and the clients of today that still read them. */
const oldVariables: Readonly<Record<string, readonly string[]>> = {
  OPENAI_API_BASE: ["aider", "langchain"],
  ANTHROPIC_API_BASE: ["aider"],
};

/** Variables of the environment that mislead: not read by the client, or read before what is written. */
export function environmentWarnings(client: string, env: ConnectInput["env"], url: string): string[] {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  const unread = Object.entries(oldVariables)
    .filter(([name, readers]) => isSet(name) && !readers.includes(client))
    .map(([name]) => `${name} is set, and ${client} does not read it: it changes nothing. Unset it, so that nobody relies on it.`);
  const first: Readonly<Record<string, readonly string[]>> = {
    "claude-code": ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"],
    "gemini-cli": ["GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY", "GOOGLE_API_KEY"],
    aider: ["OPENAI_BASE_URL"],
  };
  const earlier = (first[client] ?? [])
    .filter((name) => isSet(name) && !(env[name] ?? "").startsWith(url) && !(env[name] ?? "").startsWith("tok_"))
    .map((name) => `${name} is set in this shell and comes before the file, or beside it: unset ${name}.`);
  return [...unread, ...earlier];
}
