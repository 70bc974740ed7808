import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { buildProviders, type AnnouncedState } from "../../upstream/index.ts";
import { colourStart, describeProvider, renderStart, type StartFacts } from "./start-text.ts";

const providers = buildProviders([
  { name: "openai", enabled: true, keys: [new Secret("sk-1")] },
  { name: "anthropic", enabled: true, keys: [new Secret("sk-2")] },
  { name: "google", enabled: false, keys: [], disabledReason: "GEMINI_API_KEY is not set" },
  { name: "local", enabled: true, protocols: ["openai-chat"], baseUrl: { "openai-chat": "http://localhost:11434/v1" }, keys: [] },
]);
const answered = { models: 0, refreshedAtMs: 0 };
const states: readonly AnnouncedState[] = [
  { provider: "openai", models: 68, refreshedAtMs: 1 },
  { ...answered, provider: "anthropic", message: "it answered 401 when asked for its models", status: 401 },
  {
    ...answered,
    provider: "local",
    message: "Provider local (localhost:11434) refuses connections. Check that the server runs and that base_url names its host and port.",
  },
];
const key = `tok_${"k".repeat(43)}`;
const facts: StartFacts = {
  version: "1.2.3",
  url: "http://localhost:8081",
  config: { path: "/home/u/.config/tokligence/config.yaml", isNew: true },
  database: "/home/u/.config/tokligence/gateway.db",
  log: "/home/u/.config/tokligence/gateway.log",
  providers,
  states,
  unused: ["OPENROUTER_API_KEY is set, but unused. Add under providers:  openrouter: {}"],
  warnings: ["TOKLIGENCE_GATEWAY_PROT: no setting"],
  key,
  authEnabled: true,
  tryModel: "gpt-5-nano",
  help: "Ctrl-C ends it.",
  platform: "linux",
};

const screen = `Tokligence Gateway 1.2.3 on http://localhost:8081

  configuration  /home/u/.config/tokligence/config.yaml  (written now)
  database       /home/u/.config/tokligence/gateway.db
  log            /home/u/.config/tokligence/gateway.log

  providers
    loopback   ✓ built in: the model "loopback" repeats its input
    openai     ✓ 68 models              api.openai.com
    anthropic  ✗ 401, the key is wrong  api.anthropic.com
    google     – off: GEMINI_API_KEY is not set
    local      ✗ refuses connections. Check that the server runs and that base_url names its host and port.  localhost:11434

  OPENROUTER_API_KEY is set, but unused. Add under providers:  openrouter: {}

  warning: TOKLIGENCE_GATEWAY_PROT: no setting

  The user \`admin\` has this key. It is shown once and stored nowhere:

    ${key}

  Try it:

  curl http://localhost:8081/v1/chat/completions \\
    -H "authorization: Bearer ${key}" \\
    -H "content-type: application/json" \\
    -d '{"model": "gpt-5-nano", "messages": [{"role": "user", "content": "Hello"}]}'

  SDKs and agents read these, in a shell of their own, not the gateway's:

  export TOKLIGENCE_KEY=${key}
  export OPENAI_BASE_URL=http://localhost:8081/v1
  export OPENAI_API_KEY=$TOKLIGENCE_KEY
  export ANTHROPIC_BASE_URL=http://localhost:8081/anthropic
  export ANTHROPIC_API_KEY=$TOKLIGENCE_KEY
  export GOOGLE_GEMINI_BASE_URL=http://localhost:8081
  export GEMINI_API_KEY=$TOKLIGENCE_KEY

  Ctrl-C ends it.
`;

test("the start screen shows what each provider answered, a command to try, and variables to paste", () => {
  assert.equal(renderStart(facts, 200), screen);
  assert.equal(renderStart(facts, Infinity), screen);
  assert.equal(
    renderStart(facts, 80),
    screen.replace(" base_url names its host and port.  localhost:11434", "\n               base_url names its host and port."),
  );
});

test("in a narrow terminal a provider's address gives way to what it answered", () => {
  const lines = renderStart(facts, 56).split("\n");
  assert.ok(lines.includes("    openai     ✓ 68 models              api.openai.com"));
  assert.ok(lines.includes("    anthropic  ✗ 401, the key is wrong"));
});

test("long reasons and warnings are wrapped below their beginning, and no other line is wider than the terminal", () => {
  const reason = "it has no key: set api_key, or TOKLIGENCE_GOOGLE_API_KEY or GOOGLE_API_KEY or GEMINI_API_KEY in the environment";
  const off = buildProviders([{ name: "google", enabled: false, keys: [], disabledReason: reason }]);
  const lines = renderStart({ ...facts, providers: off, warnings: [`${"w".repeat(90)} and more`] }, 60).split("\n");
  assert.deepEqual(lines.slice(lines.indexOf("  providers") + 1, lines.indexOf("  OPENROUTER_API_KEY is set, but unused. Add under")), [
    '    loopback  ✓ built in: the model "loopback" repeats its',
    "              input",
    "    google    – off: it has no key: set api_key, or",
    "              TOKLIGENCE_GOOGLE_API_KEY or GOOGLE_API_KEY or",
    "              GEMINI_API_KEY in the environment",
    "",
  ]);
  assert.ok(lines.includes(`  warning: ${"w".repeat(90)}`));
  assert.ok(lines.includes("           and more"));
});

test("a later start shows no key, and takes it from the variable; without authentication any key does", () => {
  const later = renderStart({ ...facts, key: undefined, config: { ...facts.config, isNew: false }, unused: [], warnings: [] }, 80);
  assert.ok(!later.includes("tok_"));
  assert.ok(later.includes(`-H "authorization: Bearer $TOKLIGENCE_KEY"`));
  assert.doesNotMatch(later, /export TOKLIGENCE_KEY|written now|unused|warning/);
  const open = renderStart({ ...facts, key: undefined, authEnabled: false }, 80);
  assert.ok(open.includes("  export TOKLIGENCE_KEY=any\n"));
  assert.ok(!open.includes("authorization"));
  const windows = renderStart({ ...facts, platform: "win32" }, 80);
  assert.ok(windows.includes(`  $env:TOKLIGENCE_KEY = "${key}"\n  $env:OPENAI_BASE_URL = "http://localhost:8081/v1"\n`));
  assert.ok(windows.includes("  $env:OPENAI_API_KEY = $env:TOKLIGENCE_KEY\n"));
});

test("every answer of a provider has words of its own", () => {
  const [, openai] = providers;
  const said = (status: number): string => describeProvider(openai!, { ...answered, provider: "openai", message: "no", status });
  assert.deepEqual([403, 404, 500].map(said), [
    "✗ 403, the key may not list models",
    "? 404, it has no list of models; if requests fail too, check base_url",
    "✗ 500 when asked for its models",
  ]);
  assert.equal(describeProvider(openai!, undefined), "… no answer yet");
  assert.equal(describeProvider(openai!, { provider: "openai", models: 1, refreshedAtMs: 1 }), "✓ 1 model");
});

test("colours change nothing but colours", () => {
  const coloured = colourStart(screen);
  // oxlint-disable-next-line no-control-regex -- the sequences that are looked for
  assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ""), screen);
  const painted = coloured.split("\n").filter((line) => line.includes("\u001b"));
  assert.deepEqual(painted, [
    "\u001b[1mTokligence Gateway 1.2.3 on http://localhost:8081\u001b[0m",
    '    loopback   \u001b[32m✓\u001b[0m built in: the model "loopback" repeats its input',
    "    openai     \u001b[32m✓\u001b[0m 68 models              api.openai.com",
    "    anthropic  \u001b[31m✗\u001b[0m 401, the key is wrong  api.anthropic.com",
    "    google     \u001b[2m–\u001b[0m off: GEMINI_API_KEY is not set",
    "    local      \u001b[31m✗\u001b[0m refuses connections. Check that the server runs and that base_url names its host and port.  localhost:11434",
    "  \u001b[33mwarning:\u001b[0m TOKLIGENCE_GATEWAY_PROT: no setting",
  ]);
});
