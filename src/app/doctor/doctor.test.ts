import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { findingsText } from "../cli/doctor-command.ts";
import { examine } from "./examine.ts";
import { checkClock, checkDisk, checkPort } from "./machine.ts";

const nowMs = Date.UTC(2100, 0, 1);
/** Those of the template have keys in some environments. */
const off = "openai: { enabled: false }, anthropic: { enabled: false }, google: { enabled: false }";

test("disk and clock are judged by what is left and by what was written last", () => {
  const states = [0.05, 0.5, 5].map((gibibytes) => checkDisk(tmpdir(), () => gibibytes * 1024 ** 3).state);
  assert.deepEqual(states, ["problem", "warning", "ok"]);
  assert.deepEqual(
    [checkClock(nowMs, undefined), checkClock(nowMs, nowMs + 600_000), checkClock(Date.UTC(2020, 0, 1), undefined)].map(
      ({ state }) => state,
    ),
    ["ok", "problem", "problem"],
  );
});

/** A provider that takes the key `good`, and whose port is in use, as that of a gateway may be. */
async function startProvider(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    response.statusCode = request.headers.authorization === "Bearer good" ? 200 : 401;
    response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

test("keys are tried, and what is wrong has what mends it", async (t) => {
  const port = await startProvider(t);
  const home = mkdtempSync(join(tmpdir(), "tokligence-doctor-"));
  t.after(() => rmSync(home, { recursive: true }));
  const config = join(home, "config.yaml");
  const provider = (key: string): string => `{ protocols: [openai-chat], base_url: "http://127.0.0.1:${port}/v1", api_key: ${key} }`;
  writeFileSync(
    config,
    `gateway: { host: 127.0.0.1, port: ${port} }\ndatabase: { path: gateway.db }\nproviders: { ${off}, a: ${provider("good")}, b: ${provider("bad")} }\n`,
    { mode: 0o600 },
  );
  writeFileSync(join(home, ".aider.conf.yml"), "dark-mode: true\n");
  const findings = await examine({ config, env: {}, home, nowMs });
  const shown = findings
    .filter(({ name }) => name !== "disk" && !/openai|anthropic|google/.test(name))
    .map(({ name, state, remedy }) => [name, state, remedy]);
  assert.deepEqual(
    findings.filter(({ state }) => state === "warning").map(({ message }) => message),
    [],
  );
  assert.deepEqual(shown, [
    ["configuration", "ok", undefined],
    ["port", "problem", "tokligence start --port ANOTHER, or set gateway.port"],
    ["database", "info", undefined],
    ["clock", "ok", undefined],
    ["provider a", "ok", undefined],
    ["provider b", "problem", "set providers.b.api_key, or the variable that it names"],
    ["aider", "info", "tokligence connect aider"],
  ]);
  assert.ok(!findings.some(({ message }) => /good|\bbad\b/.test(message)), "no key is shown");
});

test("a configuration with errors is reported line by line, and the rest is still looked at", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "tokligence-doctor-"));
  t.after(() => rmSync(home, { recursive: true }));
  const config = join(home, "config.yaml");
  writeFileSync(config, "gateway: { prt: 1 }\nledger: { durability: x }\n");
  const findings = await examine({ config, env: {}, home, nowMs });
  assert.deepEqual(
    findings.map(({ name, state }) => [name, name === "disk" ? "" : state]),
    [
      ["configuration", "problem"],
      ["configuration", "problem"],
      ["disk", ""],
      ["clock", "ok"],
    ],
  );
});

test("an address of another machine is named", async () => {
  assert.equal((await checkPort("192.0.2.1", 8081)).state, "problem");
});

test("the screen fits 80 columns, and has colours on a terminal alone", () => {
  const findings = [
    { name: "configuration", state: "ok" as const, message: "/etc/tokligence/config.yaml" },
    { name: "port", state: "problem" as const, message: "a ".repeat(60).trim(), remedy: "tokligence start" },
  ];
  const text = findingsText(findings, 80, false);
  assert.ok(
    text.split("\n").every((line) => line.length <= 80),
    text,
  );
  assert.match(text, /^✓ configuration {2}\/etc/);
  assert.match(text, /\n {17}→ tokligence start\n\n1 problem\.$/);
  assert.ok(findingsText(findings, Infinity, true).startsWith("\u001b[32m✓\u001b[0m configuration"));
});
