import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import { checkTarget, type Route } from "../../src/server/route-table.ts";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createFaultServer, type FaultServer } from "../testbed/fault-server.ts";
import { oddSpellings } from "./odd-paths.ts";

const hourMs = 3_600_000;
const roles = [
  "nobody",
  "a bad key",
  "a revoked key",
  "an expired key",
  "a key of a disabled user",
  "a user",
  "another user",
  "an admin",
] as const;
type Role = (typeof roles)[number];

/** All places where a key may be. */
const carriers = ["authorization", "x-api-key", "x-goog-api-key", "query"] as const;

let server: FaultServer;
let gateway: TestGateway;
const keys = new Map<Role, string>();
let skippedMs = 0;
before(async () => {
  server = await createFaultServer();
  const clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() };
  gateway = await startGateway({
    clock,
    config: `providers: { p: { protocols: [openai-chat, openai-responses, anthropic-messages], api_key: k, base_url: "${server.url}/v1" } }\nmodel_provider_routes: { "*": p }\nmarket: { listen: "127.0.0.1:0" }\n`,
  });
  const { accounts } = gateway.gateway;
  await server.waitForRequests(1);
  const alice = await gateway.createKey("alice");
  const revoked = await gateway.createKey("alice");
  await accounts.revokeKey(revoked.keyId);
  const expired = await accounts.createKey({ user: alice.user.id, expires: "1h" });
  const gone = await gateway.createKey("gone");
  await accounts.disableUser(gone.user.id);
  skippedMs = 2 * hourMs;
  keys.set("a bad key", `tok_${"x".repeat(43)}`);
  keys.set("a revoked key", revoked.key);
  keys.set("an expired key", expired.key);
  keys.set("a key of a disabled user", gone.key);
  keys.set("a user", alice.key);
  keys.set("another user", (await gateway.createKey("bob")).key);
  keys.set("an admin", gateway.adminKey);
});
after(async () => {
  await gateway.stop();
  await server.close();
});

function pathOf(route: Route): string {
  return route.path.replace(/\{\w+\}/, "unknown");
}

function mayCall({ access }: Route, role: Role): boolean {
  switch (access) {
    case "public":
      return true;
    case "control":
      return false;
    case "loopback-or-admin":
      return role === "an admin" || role === "nobody";
    case "admin":
      return role === "an admin";
    case "user":
      return role === "an admin" || role === "a user" || role === "another user";
  }
}

/** Sends as a role, with the key in one of its places. @returns the status. */
async function send(method: string, path: string, role: Role, carrier: (typeof carriers)[number]): Promise<number> {
  const key = keys.get(role);
  const inQuery = key !== undefined && carrier === "query" ? `${path.includes("?") ? "&" : "?"}key=${key}` : "";
  const header = carrier === "authorization" ? ["authorization", `Bearer ${key}`] : [carrier, String(key)];
  // Signing a browser in needs the header of a page.
  const headers = [...(key === undefined || carrier === "query" ? [] : header), "x-tokligence-page", "1"];
  const body = method === "GET" || method === "HEAD" ? {} : { body: "{}" };
  return (await sendRaw(gateway.url, { method, path: path + inQuery, headers, ...body })).status;
}

test("every route, called as every role with the key in every place, refuses whom its row in the table does not name", async () => {
  const wrong: string[] = [];
  await Promise.all(
    gateway.gateway.table.routes.map(async (route) => {
      for (const role of roles) {
        for (const carrier of role === "nobody" ? (["query"] as const) : carriers) {
          // On a route that is public keys are not looked at, and the metrics are open to this machine without one.
          const status = await send(route.method, pathOf(route), role, carrier);
          const isRefused = status === 401 || status === 403 || (route.access === "control" && status === 404);
          if (isRefused === mayCall(route, role) || status >= 500)
            wrong.push(`${route.method} ${route.path} ${role} in ${carrier}: ${status}`);
        }
      }
    }),
  );
  assert.deepEqual(wrong, []);
});

/** A route of each kind of access, method and shape. */
const sample = [
  "GET /api/v1/users",
  "DELETE /api/v1/budgets/{id}",
  "GET /api/v1/me",
  "POST /v1/chat/completions",
  "POST /v1beta/models/{model}:generateContent",
  "POST /api/v1/stop",
];

test("over 300 odd paths, called as every role: none gives an answer to a role that the route itself refuses", async (t) => {
  const routes = gateway.gateway.table.routes.filter(({ method, path }) => sample.includes(`${method} ${path}`));
  assert.equal(routes.length, sample.length);
  const wrong: string[] = [];
  const paths = new Set<string>();
  let turn = 0;
  const isOwnMeaning = (spelling: string): boolean => spelling === "another path in the query";
  await Promise.all(
    routes.map(async (route) => {
      for (const [name, spell] of Object.entries(oddSpellings)) {
        const path = spell(pathOf(route));
        if (path === pathOf(route) || isOwnMeaning(name)) continue;
        paths.add(`${route.method} ${path}`);
        for (const role of roles) {
          const status = await send(route.method, path, role, carriers[turn++ % carriers.length]!);
          const isAnswered = status < 400 && !mayCall(route, role);
          // A model's list is open to each user; the spelling makes a name of the path.
          const isModelOfUser = name.startsWith("behind") && mayCall({ ...route, access: "user" }, role);
          if ((isAnswered && !isModelOfUser) || status >= 500) wrong.push(`${name}: ${route.method} ${path} as ${role}: ${status}`);
        }
      }
    }),
  );
  assert.deepEqual(wrong, []);
  assert.ok(paths.size > 300, `${paths.size}`);
  t.diagnostic(`${paths.size} paths, ${turn} requests`);
});

test("every route in every odd spelling finds itself, another route of the same access, or none", () => {
  const { table } = gateway.gateway;
  const wrong: string[] = [];
  for (const route of table.routes) {
    for (const [name, spell] of Object.entries(oddSpellings)) {
      const path = spell(pathOf(route)).split("?")[0]!;
      const found = matchOf(route.method, path);
      if (found === undefined || found === route) continue;
      const isSame = found.access === route.access || route.access === "public" || (found.access === "user" && name.startsWith("behind"));
      if (!isSame && name !== "another path in the query") wrong.push(`${name}: ${route.method} ${path} is ${found.path}`);
    }
  }
  assert.deepEqual(wrong, []);
  function matchOf(method: string, path: string): Route | undefined {
    try {
      checkTarget(path, path);
      return table.match(method, path)?.route;
    } catch {
      // Refused, which is an answer too.
      return undefined;
    }
  }
});
