import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { loadSettings } from "../../src/app/config/index.ts";
import { calls, canaries, says, sentTexts, startWorld } from "./world.ts";

/** Not the key of a real account. */
const typedKey = "sk-typed-0123456789abcdefghij";

test("a key that the user types is stored where it belongs, and the model, the transcript and the question show a placeholder", async (t) => {
  const world = await startWorld(t, { validate: false });
  const session = await world.session({});
  const change = { changes: [{ setting: "providers.openai.api_key", value: "{{secret_1}}" }] };
  const answer = await session.play(`the new key of openai is ${typedKey}`, calls(["config_set", change]), says("Stored {{secret_1}}."));
  assert.equal(answer, "Stored {{secret_1}}.");
  const { settings } = loadSettings({ path: world.configPath, env: { HOME: "/nowhere" } });
  assert.deepEqual(
    settings.providers.find(({ name }) => name === "openai")!.keys.map((key) => key.reveal()),
    [typedKey],
  );
  const shown = [...sentTexts(world.mock), session.asked[0]!.summary, session.conversation!.transcript()].join("\n");
  for (const secret of [typedKey, ...canaries]) assert.equal(shown.includes(secret), false, secret);
  assert.match(shown, /\{\{secret_1\}\}/);
  assert.match(session.asked[0]!.summary, /^- .*api_key: \[secret\]/m);
  assert.equal(
    await session.conversation!.undo(),
    `${world.configPath} is as before. No gateway is running; it holds from the next start.`,
  );
  assert.doesNotMatch(readFileSync(world.configPath, "utf8"), /typed/);
});

test("a placeholder is filled in at settings for keys alone", async (t) => {
  const world = await startWorld(t, { validate: false });
  const session = await world.session({});
  const change = { changes: [{ setting: "model_aliases.x", value: "{{secret_1}}" }] };
  await session.play(`alias ${typedKey}`, calls(["config_set", change]), says("No."));
  assert.equal(session.asked.length, 0);
  assert.match(sentTexts(world.mock).at(-1)!, /is no setting for a secret/);
});

test("secrets of the configuration, the environment, of URLs and of logs reach no request, answer or transcript", async (t) => {
  const world = await startWorld(t, { validate: false });
  const gatewayKey = `tok_${"a".repeat(43)}`;
  const lines = [...canaries, gatewayKey].map((secret) =>
    JSON.stringify({ level: 50, time: 1, msg: "request", error: `the key ${secret} was refused` }),
  );
  writeFileSync(world.logPath, `${lines.join("\n")}\n`);
  const session = await world.session({});
  const answer = await session.play(
    `what is ${gatewayKey}?`,
    calls(["logs_read", {}], ["config_read", {}], ["config_read", { section: canaries[0]! }]),
    says(`It says ${canaries.join(" ")}`),
  );
  assert.equal(answer, `It says ${canaries.map(() => "[secret]").join(" ")}`);
  const shown = [...sentTexts(world.mock), session.conversation!.transcript()].join("\n");
  for (const secret of [gatewayKey, ...canaries]) assert.equal(shown.includes(secret), false, secret);
  assert.match(shown, /the key \[secret\] was refused/);
});

test("a model without tools answers from the documentation, and a failing model leaves the conversation usable", async (t) => {
  const world = await startWorld(t, { validate: false });
  const session = await world.session({});
  const refusal = { trouble: { kind: "error", error: { status: 400, message: "this model does not support tools" } } } as const;
  assert.equal(await session.play("how do I set a budget for alice?", refusal, says("As budgets.md says.")), "As budgets.md says.");
  const [first, second] = sentTexts(world.mock);
  assert.match(first!, /"tools"/);
  assert.doesNotMatch(second!, /"tools"/);
  assert.match(second!, /docs\/budgets\.md/);
  const broken = { trouble: { kind: "error", error: { status: 401, message: "Incorrect API key provided: sk-upstream-local" } } } as const;
  await assert.rejects(session.play("and a limit?", broken), { name: "ModelError", status: 401 });
  assert.equal(await session.play("and a limit?", says("As limits.md says.")), "As limits.md says.");
});

test("a model that never ends calling tools is stopped", async (t) => {
  const world = await startWorld(t, { validate: false });
  const session = await world.session({});
  const answer = await session.play("again", ...Array.from({ length: 16 }, () => calls(["status_get", {}])));
  assert.equal(answer, "The model has called tools 16 times without an answer, and was stopped.");
});
