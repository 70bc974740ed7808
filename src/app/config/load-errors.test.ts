import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { protocolIds } from "../../ir/index.ts";
import { homeDir, makeFile, makeFolder } from "./testing.ts";
import { loadSettings, type LoadInput } from "./load.ts";
import { ConfigError } from "../../settings/index.ts";

function refusal(input: LoadInput): ConfigError {
  try {
    loadSettings({ homeDir, env: {}, ...input });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail("it was accepted");
}

/** The messages without the file's name. */
function messages(t: TestContext, text: string, input: Omit<LoadInput, "path"> = {}): string[] {
  const path = makeFile(t, text);
  return refusal({ path, ...input }).problems.map((problem) => problem.message.replaceAll(path, "FILE"));
}

const rootKeys =
  "gateway, database, providers, model_provider_routes, model_aliases, model_traits, models, fallbacks, routing, limits, response_cache, redis, ledger, guards, firewall, alerts, canaries, auth, audit, telemetry, market, exchange, prices, prices_file";
const gatewayKeys = "host, port, work_mode, auth, logging, workers, limits, timeouts, early_head, on_loss, responses, trust_loopback, cors";
const providerKeys =
  "enabled, preset, protocols, base_url, api_key, api_keys, models, headers, query, timeouts, key_header, probe, quirks, limits, caching";

const fileRows: readonly (readonly [what: string, text: string, ...expected: string[]])[] = [
  ["a value of the wrong type", "gateway:\n  port: abc\n", 'FILE:2: gateway.port: found "abc", allowed a whole number from 0 to 65535'],
  [
    "a value out of range",
    "gateway: { port: 70000 }",
    "FILE:1: gateway.port: found the number 70000, allowed a whole number from 0 to 65535",
  ],
  ["an unknown choice", "gateway: { work_mode: fast }", 'FILE:1: gateway.work_mode: found "fast", allowed auto, passthrough, translation'],
  [
    "a misspelt key",
    "\n\ngateway:\n  prot: 1\n",
    `FILE:4: gateway.prot: found an unknown key (did you mean port?), allowed ${gatewayKeys}`,
  ],
  [
    "an unknown key with nothing under it",
    "gatewy:\n",
    `FILE:1: gatewy: found an unknown key (did you mean gateway?), allowed ${rootKeys}`,
  ],
  [
    "a threshold out of range",
    "guards: { duplicate_tool_calls: { refuse_at: 1 } }",
    "FILE:1: guards.duplicate_tool_calls.refuse_at: found the number 1, allowed a whole number from 2 to 1000",
  ],
  [
    "a pattern that is no regular expression",
    "ledger:\n  bodies:\n    redact:\n      - fine\n      - a(b\n",
    'FILE:5: ledger.bodies.redact[1]: found "a(b" that cannot be compiled (missing closing ): "a(b"), allowed a list of regular expressions in RE2\'s syntax, without slashes around them',
  ],
  [
    "a pattern with a construct that does not take linear time",
    "ledger:\n  bodies:\n    redact: ['(?=a)b', '(a)\\1', '']\n",
    'FILE:3: ledger.bodies.redact[0]: found "(?=a)b" with a lookahead "(?=", which RE2 does not have, allowed a list of regular expressions in RE2\'s syntax, without slashes around them',
    'FILE:3: ledger.bodies.redact[1]: found "(a)\\\\1" with a backreference, which RE2 does not have, allowed a list of regular expressions in RE2\'s syntax, without slashes around them',
    "FILE:3: ledger.bodies.redact[2]: found an empty text, allowed a list of regular expressions in RE2's syntax, without slashes around them",
  ],
  [
    "a misspelt key of a provider",
    "providers:\n  mine:\n    preset: ollama\n    api-key: x\n",
    `FILE:4: providers.mine.api-key: found an unknown key (did you mean api_key?), allowed ${providerKeys}`,
  ],
  ["a section that is a value", "gateway: 8081", `FILE:1: gateway: found a number, allowed a map of ${gatewayKeys}`],
  [
    "a section that is a list",
    "database: [a]",
    "FILE:1: database: found a list, allowed a map of type, path, url, host, port, database, username, password, pool, tls",
  ],
  ["providers as a list", "providers: [openai]", "FILE:1: providers: found a list, allowed a map of settings"],
  [
    "a number where a text belongs",
    "model_aliases:\n  fast: 4.1\n",
    "FILE:2: model_aliases.fast: found the number 4.1, allowed a map of names, each with a model or provider/model (a number or true and false need quotes around them to be a text)",
  ],
  [
    "an item of a list",
    "gateway:\n  cors:\n    - https://a.example\n    - a.example\n",
    'FILE:4: gateway.cors[1]: found "a.example", allowed a list of origins, as in https://app.example.com',
  ],
  [
    "an unknown protocol",
    "providers: { mine: { protocols: [openai], base_url: 'http://h' } }",
    `FILE:1: providers.mine.protocols[0]: found "openai", allowed a list of one or more of ${protocolIds.join(", ")}`,
  ],
  [
    "all that is wrong, in one go and in order",
    "gateway:\n  timeouts: { connect: soon }\n  limits: { body: 0 }\nledger: { durability: maybe }\n",
    'FILE:2: gateway.timeouts.connect: found "soon", allowed a time from 1ms to 24h, as in 500ms, 3s, 10m or 1h',
    "FILE:3: gateway.limits.body: found the number 0, allowed a size from 1 byte to 512MiB, as in 512KiB or 32MiB",
    'FILE:4: ledger.durability: found "maybe", allowed power, process, async',
  ],
  [
    "contradictions beside wrong values, but not in a section that has one",
    "gateway:\n  port: abc\n  auth: { enabled: false }\n  host: 0.0.0.0\ndatabase:\n  host: db\nproviders:\n  mine: { base_url: 'http://h/v1' }\n  other: { protocols: [x] }\n",
    'FILE:2: gateway.port: found "abc", allowed a whole number from 0 to 65535',
    "FILE:6: database.host: found a setting of PostgreSQL while database.type is sqlite, allowed it with database.type: postgresql",
    `FILE:8: providers.mine.protocols: protocols is required, as there is no preset of that name: list one or more of ${protocolIds.join(", ")}`,
    `FILE:9: providers.other.protocols[0]: found "x", allowed a list of one or more of ${protocolIds.join(", ")}`,
  ],
  [
    "a configuration of LiteLLM",
    "model_list:\n  - model_name: a\ngeneral_settings: {}\ndatabase: { host: db }\n",
    "FILE:1: model_list: a section of LiteLLM's configuration, which this gateway does not read; servers go under providers, names under model_aliases",
    "FILE:3: general_settings: a section of LiteLLM's configuration, which this gateway does not read; servers go under providers, names under model_aliases",
    "FILE:4: database.host: found a setting of PostgreSQL while database.type is sqlite, allowed it with database.type: postgresql",
  ],
  ["a key that is there twice", "gateway:\n  port: 1\n  port: 2\n", "FILE:3: a key is there twice"],
  [
    "text that is no YAML",
    "gateway:\n  port: [1\n",
    "FILE:3: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  ["two documents", "a: 1\n---\nb: 2\n", "FILE:2: not valid YAML: Source contains multiple documents; please use YAML.parseAllDocuments()"],
  ["a tag", "gateway: !mine { port: 1 }", "FILE:1: not valid YAML: Unresolved tag: !mine"],
  ["a list as the whole", "- a\n", "FILE:1: found a list, allowed a map of settings"],
  ["a key that is no name", "gateway: { [a]: 1 }", "FILE:1: gateway: found a key that cannot be used, allowed a name as the key"],
  ["a key that reaches for the prototype", "__proto__: { port: 1 }", "FILE:1: found a key that cannot be used, allowed a name as the key"],
  [
    "a provider's name",
    'providers:\n  "a/b": { preset: ollama }\n',
    'FILE:2: providers."a/b": found a name that cannot be used, allowed a name of letters, digits, dots, dashes and underscores, at most 64',
  ],
  [
    "a variable that is not set",
    "gateway:\n  host: ${HOST}\n",
    "FILE:2: gateway.host: found ${HOST}, which is not set, allowed a variable that is set, or ${HOST:-default}",
  ],
  [
    "a reference that cannot be read",
    "gateway:\n  host: ${HOST\n",
    "FILE:2: gateway.host: found a ${…} that cannot be read, allowed ${VARIABLE}, ${VARIABLE:-default}, or $${ for the text ${",
  ],
  [
    "no authentication on all addresses",
    "gateway:\n  host: 0.0.0.0\n  auth: { enabled: false }\n",
    'FILE:2: gateway.host: found "0.0.0.0" while gateway.auth.enabled is false, allowed localhost, 127.0.0.1 or ::1; or turn gateway.auth.enabled on',
  ],
  [
    "a gateway that no one could call",
    "gateway:\n  auth: { enabled: false }\n  trust_loopback: false\n",
    "FILE:3: gateway.trust_loopback: found false while gateway.auth.enabled is false, so that no one could call, allowed true; or turn gateway.auth.enabled on",
  ],
  [
    "settings of the other database",
    "database: { host: db }",
    "FILE:1: database.host: found a setting of PostgreSQL while database.type is sqlite, allowed it with database.type: postgresql",
  ],
  [
    "limits in a Redis that is not configured",
    "limits: { store: redis }",
    "FILE:1: limits.store: found redis while redis.url is not set, allowed it with redis.url",
  ],
  [
    "answers in a Redis that is not configured",
    "response_cache: { enabled: true, store: redis }",
    "FILE:1: response_cache.store: found redis while redis.url is not set, allowed it with redis.url",
  ],
  [
    "limits in another database",
    "limits: { store: postgresql }",
    "FILE:1: limits.store: found postgresql while database.type is sqlite, allowed it with database.type: postgresql",
  ],
  [
    "a URL that is none of Redis",
    "redis:\n  url: http://user:secret@host\n",
    "FILE:2: redis.url: found [secret], allowed a URL as in redis://user:password@host:6379/0 or rediss://host",
  ],
  [
    "a limit of nothing",
    "providers:\n  openai: { limits: { requests_per_minute: 0 } }\n",
    "FILE:2: providers.openai.limits.requests_per_minute: found the number 0, allowed a whole number from 1 to 1000000000000",
  ],
  [
    "a URL and its parts",
    "database: { type: postgresql, url: 'postgres://h/d', host: db }",
    "FILE:1: database.host: found it beside database.url, allowed one or the other",
  ],
  [
    "a URL of another database",
    "database: { type: postgresql, url: 'mysql://u:pw@h/d' }",
    "FILE:1: database.url: found [secret], allowed a URL as in postgresql://user@host:5432/database; in a password # is %23, / is %2F, ? is %3F, @ is %40",
  ],
  [
    "a provider without protocols",
    "providers:\n  mine:\n    base_url: http://h/v1\n",
    `FILE:2: providers.mine.protocols: protocols is required, as there is no preset of that name: list one or more of ${protocolIds.join(", ")}`,
  ],
  [
    "a provider without an address",
    "providers:\n  mine:\n    protocols: [openai-chat]\n",
    "FILE:2: providers.mine.base_url: base_url is required for openai-chat",
  ],
  [
    "an invalid address",
    "providers:\n  openai:\n    base_url: api.openai.com\n",
    "FILE:3: providers.openai.base_url: base_url must be a URL that starts with https:// or http://",
  ],
  [
    "the built-in provider's name",
    "providers:\n  loopback: { preset: ollama }\n",
    "FILE:2: providers.loopback: the name is taken by the built-in provider; choose another",
  ],
  [
    "a route to an unknown provider",
    "model_provider_routes:\n  'gpt-*': opnai\n",
    'FILE:2: model_provider_routes."gpt-*": found the provider "opnai" (did you mean openai?), allowed loopback, openai, anthropic, google',
  ],
  [
    "a target of a provider that is misspelt",
    "models: { smart: { targets: [antropic/claude-opus-5] } }\n",
    'FILE:1: models: "antropic/claude-opus-5" names the provider "antropic", which does not exist (did you mean anthropic?)',
  ],
  [
    "a model that is a target of another",
    "models:\n  smart: { targets: [quick] }\n  quick: { targets: [openai/gpt-5] }\n",
    'FILE:1: models: the target "quick" of "smart" is one of models itself; write its targets there',
  ],
  [
    "aliases in a circle",
    "model_aliases:\n  a: b\n  b: a\n",
    'FILE:1: model_aliases: "a" and "b" stand for each other; let an alias name a model or PROVIDER/MODEL',
  ],
  [
    "an invalid price",
    "prices:\n  m: { input: '-1' }\n",
    'FILE:2: prices.m.input: found "-1", allowed rates such as input, output, cache_read, input_audio and web_search: US dollars a million tokens, or each, as in 0.25, at most nine decimals; the same again under above, batch, flex, priority, ultrafast and times; factors under speeds and regions (docs/prices.md has all)',
  ],
];

for (const [what, text, ...expected] of fileRows) {
  test(`named with file, line, key, found and allowed: ${what}`, (t) => {
    assert.deepEqual(messages(t, text), expected);
  });
}

test("what the environment or an argument says wrong is named by its variable or its option", (t) => {
  const text = "gateway:\n  port: 1\n";
  const env = { TOKLIGENCE_GATEWAY_PORT: "abc", TOKLIGENCE_MODEL_ALIASES: "fast" };
  assert.deepEqual(messages(t, text, { env }), [
    'TOKLIGENCE_GATEWAY_PORT: found "abc", allowed a whole number from 0 to 65535',
    "TOKLIGENCE_MODEL_ALIASES: found an empty text, allowed a map of names, each with a model or provider/model",
  ]);
  assert.deepEqual(messages(t, text, { overrides: { "gateway.port": "x" } }), [
    '--port: found "x", allowed a whole number from 0 to 65535',
  ]);
  assert.deepEqual(
    messages(t, text, { env: { TOKLIGENCE_PROVIDERS_NEW_BASE_URL: "http://h/v1" } }).map((message) => message.split(",")[0]),
    ["TOKLIGENCE_PROVIDERS_NEW_BASE_URL: protocols is required"],
  );
});

test("a problem says where it is, also to programs", (t) => {
  const path = makeFile(t, "gateway:\n  port: abc\n");
  const error = refusal({ path });
  assert.deepEqual(error.problems, [
    {
      origin: { kind: "file", file: path, line: 2, column: 3 },
      key: "gateway.port",
      found: '"abc"',
      allowed: "a whole number from 0 to 65535",
      message: `${path}:2: gateway.port: found "abc", allowed a whole number from 0 to 65535`,
    },
  ]);
  assert.equal(error.message, error.problems[0]!.message);
});

test("a variable that is almost one that is set is named; what may be the reason is with the error", (t) => {
  const text = "gateway:\n  host: ${GATEWAY_HOTS}\n";
  const env = { GATEWAY_HOST: "localhost", TOKLIGENCE_GATEWAY_HOTS: "localhost" };
  assert.deepEqual(messages(t, text, { env }), [
    "FILE:2: gateway.host: found ${GATEWAY_HOTS}, which is not set (did you mean GATEWAY_HOST?), allowed a variable that is set, or ${GATEWAY_HOTS:-default}",
  ]);
  const { warnings } = refusal({ path: makeFile(t, text), env });
  assert.deepEqual(warnings, [
    "TOKLIGENCE_GATEWAY_HOTS: no setting has this name in the environment; did you mean TOKLIGENCE_GATEWAY_HOST?",
  ]);
  const { settings } = loadSettings({
    path: makeFile(t, "providers: { openai: { api_key: '${OPENAI_API_KYE}' } }"),
    homeDir,
    env: { OPENAI_API_KEYS: "sk" },
  });
  assert.equal(settings.providers[0]?.disabledReason, "OPENAI_API_KYE is not set; did you mean OPENAI_API_KEYS?");
});

test("a variable that is overridden may be missing", (t) => {
  const path = makeFile(t, "gateway: { host: '${HOST}' }");
  assert.equal(loadSettings({ path, homeDir, env: { TOKLIGENCE_GATEWAY_HOST: "127.0.0.1" } }).settings.gateway.host, "127.0.0.1");
});

test("a file that cannot be read is named", (t) => {
  const folder = makeFolder(t);
  const missing = join(folder, "none.yaml");
  assert.equal(
    refusal({ path: missing }).message,
    `${missing}: there is no such file; \`tokligence init\` with the same --config writes one`,
  );
  assert.equal(refusal({ path: folder }).message, `${folder}: a folder, not a file`);
  const binary = join(folder, "binary.yaml");
  writeFileSync(binary, Buffer.from([0x67, 0xff, 0xfe]));
  assert.equal(refusal({ path: binary }).message, `${binary}: not a text in UTF-8`);
});

test("aliases that multiply are refused, not followed", (t) => {
  const levels = Array.from({ length: 9 }, (_, i) => `    - &a${i} [${i === 0 ? "x" : `*a${i - 1}, *a${i - 1}, *a${i - 1}, *a${i - 1}`}]`);
  const found = messages(t, `providers:\n  p:\n   models:\n${levels.join("\n")}\n`);
  assert.deepEqual(
    found.filter((message) => message.endsWith("found too many aliases, allowed at most 100")).length > 0,
    true,
    found.join("; ").slice(0, 200),
  );
});

test("no error holds a secret's value", (t) => {
  const canary = "canary-5f1c";
  const texts = [
    `providers: { openai: { api_key: [${canary}] } }`,
    `providers: { openai: { api_key: { a: ${canary} } } }`,
    `providers: { openai: { api_keys: ${canary} } }`,
    `providers: { openai: ${canary} }`,
    `providers: ${canary}`,
    `providers: { openai: { api_key: "${canary}\\u0001x" } }`,
    `providers: { openai: { headers: ${canary} } }`,
    `providers: { openai: { headers: { a: ["${canary}"] } } }`,
    `providers: { openai: { headers: { a: "${canary}\\u0001" } } }`,
    `providers: { openai: { base_url: "https://u:${canary}@h/v1" } }`,
    `providers: { openai: { base_url: "${canary}" } }`,
    `database: ${canary}`,
    `database: { type: postgresql, url: "${canary}" }`,
    `database: { password: "${canary}" }`,
    "gateway: { port: '${SECRET}' }",
    "gateway: { work_mode: 'x-${SECRET}' }",
    "providers: { openai: { protocols: ['${SECRET}'] } }",
  ];
  for (const text of texts) {
    const error = refusal({ path: makeFile(t, text), env: { SECRET: canary } });
    assert.doesNotMatch(error.message + inspect(error, { depth: 9 }), new RegExp(canary), text);
  }
});
