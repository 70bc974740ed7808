import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

const installMs = 300_000;
const startMs = 120_000;
const versions = {
  express: "5.3.0",
  fastify: "5.12.8",
  next: "16.4.6",
  react: "19.3.1",
  "react-dom": "19.3.1",
  typescript: "5.9.3",
  "@types/node": "26.6.6",
  "@types/express": "5.0.6",
  "@types/react": "19.3.3",
} as const;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-embedding-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

function run(folder: string, program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { cwd: folder, encoding: "utf8", timeout: installMs, stdio: ["ignore", "pipe", "inherit"] });
}

/** An empty project with the packed package and others from the registry. */
function install(t: TestContext, ...names: readonly (keyof typeof versions)[]): string {
  const folder = folderOf(t);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "host", private: true, type: "module" }));
  const others = names.map((name) => `${name}@${versions[name]}`);
  // Its platform packages are not in a registry: this Node is new enough.
  run(folder, "npm", "install", "--no-audit", "--no-fund", "--omit=optional", "--include=dev", archive, ...others);
  return folder;
}

const packed = mkdtempSync(join(tmpdir(), "tokligence-packed-"));
execFileSync(process.execPath, ["scripts/build-bundle.ts"], { timeout: installMs, stdio: ["ignore", "ignore", "inherit"] });
const [{ filename }] = JSON.parse(run("build/npm", "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", packed)) as [
  { readonly filename: string },
];
const archive = join(packed, filename);
test.after(() => rmSync(packed, { recursive: true }));

const consumer = `import { createServer } from "node:http";
import { createGateway, Config, ConfigError, Daemon, Gateway, GatewayError, loadConfig } from "tokligence";
import type { EmbeddedGateway, ErrorCode, UsageReport, User } from "tokligence";

export async function use(): Promise<UsageReport> {
  await using gateway: EmbeddedGateway = await createGateway({ settings: { gateway: { work_mode: "auto" } }, basePath: "/ai" });
  createServer(gateway.handler);
  const response: Response = await gateway.fetch(new Request("http://localhost/v1/models"), { remoteAddress: "127.0.0.1" });
  const user: User = await gateway.admin.createUser("alice");
  const port: number = new Config().get("gateway.port", 8081) + loadConfig().get("gateway.port", response.status);
  const state = await new Daemon({ port }).status();
  const code: ErrorCode | "config_invalid" | undefined = ((error: unknown) =>
    error instanceof GatewayError || error instanceof ConfigError ? error.code : undefined)(state);
  // @ts-expect-error a code that does not exist
  if (code === "no_such_code") return await new Gateway().getUsage({ userId: user.id });
  return await new Gateway().getUsage({ userId: user.id });
}
`;

test("the types of the package are whole: strict, with the checks of libraries on, as Node and as a bundler resolve them", (t) => {
  const folder = install(t, "typescript", "@types/node");
  writeFileSync(join(folder, "consumer.ts"), consumer);
  const compilers = [join(folder, "node_modules/typescript/bin/tsc"), resolve("node_modules/typescript/bin/tsc")];
  const checked = compilers.flatMap((tsc) =>
    [
      ["node16", "node16"],
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ].map(([module, resolution]) => {
      const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false", "--target", "es2024"];
      const libraries = ["--lib", "esnext", "--types", "node"];
      return run(
        folder,
        process.execPath,
        tsc,
        ...options,
        ...libraries,
        "--module",
        module!,
        "--moduleResolution",
        resolution!,
        "consumer.ts",
      );
    }),
  );
  assert.deepEqual(checked, Array(6).fill(""));
});

interface Host {
  readonly url: string;
  readonly key: string;
}

/** Starts a program that embeds the gateway, calls the gateway in it, and ends it as a service manager does. */
async function serve(t: TestContext, folder: string, command: readonly string[], base: string): Promise<void> {
  const home = folderOf(t);
  const env = { ...process.env, HOME: home, PORT: "0", NEXT_TELEMETRY_DISABLED: "1", NODE_OPTIONS: "" };
  // The key of the first admin is printed by the examples; Next.js has none, so that one is made before.
  const made = run(folder, process.execPath, "--input-type=module", "-e", firstKey(home));
  const child = spawn(command[0]!, command.slice(1), { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  try {
    const port = await waitUntil(
      "the host listens",
      () => /"port":(\d+)|http:\/\/localhost:(\d+)/.exec(output)?.slice(1).find(Boolean),
      startMs,
    );
    await callThrough({ url: `http://127.0.0.1:${port}`, key: made.trim() }, base);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

const firstKey = (home: string): string => `process.env.HOME = ${JSON.stringify(home)};
const { Gateway } = await import("tokligence");
const gateway = new Gateway();
await gateway.init();
const user = await gateway.createUser("admin", { role: "admin" });
process.stdout.write((await gateway.createApiKey(user.id)).key);`;

async function callThrough({ url, key }: Host, base: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const body = (stream: boolean): string => JSON.stringify({ model: "loopback", stream, messages: [{ role: "user", content: "a b" }] });
  const answer = await fetch(`${url}${base}/v1/chat/completions`, { method: "POST", headers, body: body(false) });
  const { choices } = (await answer.json()) as { readonly choices: readonly [{ readonly message: { readonly content: string } }] };
  assert.deepEqual([answer.status, choices[0].message.content], [200, "a b"]);
  const stream = await fetch(`${url}${base}/v1/chat/completions`, { method: "POST", headers, body: body(true) });
  assert.match(await stream.text(), /^data: [^]*data: \[DONE\]\n\n$/);
  const refused = await fetch(`${url}${base}/v1/models`, { headers: { authorization: "Bearer tok_x" } });
  assert.deepEqual([refused.status, ((await refused.json()) as { error: { code: string } }).error.code], [401, "invalid_api_key"]);
  assert.match(await (await fetch(`${url}/`)).text(), /The application itself\./);
}

for (const name of ["express", "fastify"] as const) {
  test(`the example for ${name} runs: the gateway below /ai, the application beside it`, async (t) => {
    const folder = install(t, name);
    cpSync(`examples/embed/${name}.ts`, join(folder, "host.ts"));
    await serve(t, folder, [process.execPath, "host.ts"], "/ai");
  });
}

test("the example for Next.js is built and runs: the gateway below /api/ai", async (t) => {
  const folder = install(t, "next", "react", "react-dom", "typescript", "@types/node", "@types/react");
  for (const part of ["app", "lib", "next.config.mjs"]) cpSync(join("examples/embed/next", part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, "public"));
  const next = join(folder, "node_modules/next/dist/bin/next");
  execFileSync(process.execPath, [next, "build"], {
    cwd: folder,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", HOME: folderOf(t), NODE_OPTIONS: "" },
    timeout: installMs,
    stdio: ["ignore", "ignore", "inherit"],
  });
  await serve(t, folder, [process.execPath, next, "start", "--port", "0"], "/api/ai");
  writeFigures("embedding", { versions });
});
