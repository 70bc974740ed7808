import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { loadSettings } from "../../src/app/config/index.ts";

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

interface Compose {
  readonly services: Readonly<Record<string, { readonly environment: Readonly<Record<string, string>> }>>;
}

test("the variables of the compose file are settings of the gateway, and lead to its database and its Redis", () => {
  const { services } = parse(read("deploy/container/compose.yaml")) as Compose;
  const env = Object.fromEntries(
    Object.entries(services["gateway"]!.environment).map(([name, value]) => [name, value.replaceAll(/\$\{(\w+):[^}]*\}/g, "secret")]),
  );
  const { settings, warnings } = loadSettings({ env: { ...env, XDG_CONFIG_HOME: "/nowhere" } });
  assert.deepEqual(warnings, []);
  const { database, redis, limits } = settings;
  assert.deepEqual([database.type, database.postgresql?.host, limits.store], ["postgresql", "postgres", "redis"]);
  assert.equal(redis.url?.reveal(), "redis://:secret@redis:6379");
});

test("the configuration of the chart's values loads", () => {
  const { config } = parse(read("deploy/helm/tokligence/values.yaml")) as { readonly config: unknown };
  const env = { DATABASE_URL: "postgres://a:b@c/d", XDG_CONFIG_HOME: "/nowhere" };
  const { settings } = loadSettings({ path: "/etc/tokligence/config.yaml", text: JSON.stringify(config), env });
  assert.equal(settings.database.type, "postgresql");
});

test("the image copies executables that the build makes, and the chart scales by a metric that there is", () => {
  const copied = [...read("deploy/container/Dockerfile").matchAll(/build\/executables\/tokligence-(\S+)/g)].map((match) => match[1]);
  assert.deepEqual(copied, ["linux-x64", "linux-arm64"]);
  const targets = read("scripts/executables/targets.ts");
  for (const name of copied) assert.ok(targets.includes(`"${name}"`), name);
  const { autoscaling } = parse(read("deploy/helm/tokligence/values.yaml")) as { readonly autoscaling: { readonly metric: string } };
  assert.ok(read("docs/metrics.md").includes(`\`${autoscaling.metric}\``));
});
