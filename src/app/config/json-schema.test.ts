import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import * as z from "zod";
import { settingsJsonSchema } from "./json-schema.ts";
import { renderConfigFile } from "./template.ts";

const check = z.fromJSONSchema(settingsJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
const accepts = (yaml: string): boolean => check.safeParse(parse(yaml)).success;

test("editors accept what the loader accepts", () => {
  for (const yaml of [
    renderConfigFile(),
    renderConfigFile().replaceAll(/^( *)#(?! )/gm, "$1"),
    'gateway: { port: "${PORT}", auth: { enabled: "${AUTH:-no}" }, work_mode: "${MODE}", timeouts: { idle: "${T}" }, limits: { body: 32mb } }',
    "gateway:\nproviders: { openai: , local: { protocols: [openai-chat], base_url: { openai-chat: http://h } } }",
    "database: { type: postgresql, tls: { ca: a.pem }, port: '5432' }",
    'gateway: { workers: auto }\nmodel_provider_routes: { "a*": [x, y], b: z }',
  ]) {
    assert.ok(accepts(yaml), yaml);
  }
});

test("editors mark what the loader refuses", () => {
  for (const yaml of [
    "gatewy: {}",
    "gateway: { port: 70000 }",
    "gateway: { port: abc }",
    "gateway: { work_mode: fast }",
    "gateway: { auth: { enabled: maybe } }",
    "gateway: { limits: { body: much } }",
    "providers: { openai: { api-key: x } }",
    "providers: { openai: { protocols: [openai] } }",
    "providers: { openai: { models: gpt-4 } }",
    "prices: { m: { inptu: 1 } }",
  ]) {
    assert.ok(!accepts(yaml), yaml);
  }
});

test("every setting has a description", () => {
  const missing: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, value] of Object.entries((schema["properties"] ?? {}) as Record<string, Record<string, unknown>>)) {
      if (typeof value["description"] !== "string") missing.push(`${path}.${key}`);
      walk(value, `${path}.${key}`);
      if (typeof value["additionalProperties"] === "object")
        walk(value["additionalProperties"] as Record<string, unknown>, `${path}.${key}.*`);
    }
  };
  walk(settingsJsonSchema() as Record<string, unknown>, "");
  assert.deepEqual(missing, []);
});
