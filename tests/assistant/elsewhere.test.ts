import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openSession, type Session, type SessionOptions } from "../../src/app/assistant/session.ts";
import { Daemon } from "../../src/app/library/daemon.ts";
import { startGateway, withMockUpstream, type TestGateway } from "../e2e/harness.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { calls, says, sentTexts } from "./world.ts";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-chat-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function mockOf(t: TestContext): Promise<MockUpstream> {
  const mock = await createMockUpstream({ validate: false });
  t.after(() => mock.close());
  return mock;
}

function optionsOf(folder: string, more: Partial<SessionOptions>): SessionOptions {
  return {
    place: { path: join(folder, "config.yaml"), env: { HOME: folder, TOKLIGENCE_DATABASE_PATH: join(folder, "gateway.db") } },
    model: "claude-mock",
    env: {},
    isYes: true,
    isReadOnly: false,
    detect: () => Promise.resolve([]),
    approve: () => Promise.resolve(false),
    showOnce: () => {},
    ...more,
  };
}

async function opened(t: TestContext, options: SessionOptions): Promise<Session> {
  const session = await openSession(options);
  t.after(() => session.close());
  return session;
}

interface Trail {
  readonly data: readonly { readonly action: string; readonly channel: string; readonly details: string; readonly actor: string }[];
}

async function trailOf(gateway: TestGateway): Promise<Trail["data"]> {
  const reply = await fetch(`${gateway.url}/api/v1/audit`, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  return ((await reply.json()) as Trail).data;
}

test("a gateway on another machine: the rights are the key's, and what is changed carries `via: assistant` in its log and its trail", async (t) => {
  const [mock, folder] = [await mockOf(t), await folderOf(t)];
  const gateway = await startGateway({ config: withMockUpstream(mock.url) });
  t.after(() => gateway.stop());
  await writeFile(join(folder, "config.yaml"), "gateway: { port: 1 }\n");
  const { key } = await gateway.createKey("alice");
  const remote = { url: gateway.url, key: gateway.adminKey };
  await assert.rejects(openSession(optionsOf(folder, { remote: { ...remote, key } })), {
    message: `The key of alice at ${gateway.url} is not an admin's. The assistant needs one.`,
  });
  await assert.rejects(
    openSession(optionsOf(folder, { remote: { ...remote, key: `tok_${"x".repeat(43)}` } })),
    /The API key is not known here/,
  );
  // The status of a gateway in a test names no port.
  const session = await opened(t, optionsOf(folder, { remote, model: "claude-mock", place: { ...withKeys(folder, mock.url) } }));
  const names = session.tools.map(({ name }) => name);
  assert.deepEqual(
    ["users_create", "config_read", "docs_search", "config_set", "logs_read", "doctor", "gateway_start"].map((name) =>
      names.includes(name),
    ),
    [true, true, true, false, false, false, false],
  );
  mock.enqueue(calls(["users_create", { username: "bob" }]), says("Bob is there."));
  assert.equal((await session.conversation!.ask("create the user bob")).answer, "Bob is there.");
  assert.equal((await gateway.gateway.accounts.getUser("bob")).username, "bob");
  const entry = (await trailOf(gateway)).find(({ action }) => action === "users.create")!;
  assert.deepEqual(
    [entry.channel, entry.actor.split(" ")[1], (JSON.parse(entry.details) as { via?: string }).via],
    ["http", "root", "assistant"],
  );
  const line = (await gateway.logText()).split("\n").find((text) => text.includes('"action":"users.create"'))!;
  assert.match(line, /"via":"assistant"/);
  assert.ok(!sentTexts(mock).some((text) => text.includes(gateway.adminKey)), "the key is in no request to the model");
});

/** The model is called directly, with keys of this machine's environment. */
function withKeys(folder: string, mockUrl: string): SessionOptions["place"] {
  const base = { TOKLIGENCE_PROVIDERS_ANTHROPIC_BASE_URL: mockUrl, TOKLIGENCE_PROVIDERS_ANTHROPIC_API_KEY: "sk-ant-upstream" };
  const env = { HOME: folder, ...base, TOKLIGENCE_PROVIDERS_ANTHROPIC_MODELS: "claude-mock" };
  return { path: join(folder, "config.yaml"), env };
}

test("without a daemon the trail of the database has `via: assistant`, and a command's own change has not", async (t) => {
  const [mock, folder] = [await mockOf(t), await folderOf(t)];
  await writeFile(join(folder, "config.yaml"), withMockUpstream(mock.url));
  const session = await opened(t, optionsOf(folder, {}));
  mock.enqueue(calls(["users_create", { username: "bob" }]), says("Done."), calls(["audit_list", {}]), says("Looked."));
  await session.conversation!.ask("create the user bob");
  await session.conversation!.ask("show the trail");
  const seen = sentTexts(mock).at(-1)!;
  assert.match(seen, /users\.create/);
  assert.match(seen, /via\W+assistant/);
});

const brokenFile = `gateway:
  port: eighty
  work_mode: auto
providers:
  anthropic: { api_key: sk-ant-api03-canary-secret-0123456789, models: [claude-mock]
ledger: { durability: process }
`;

test("with a configuration file that cannot be used it starts, sees what is wrong without secrets, and mends it after a yes", async (t) => {
  const [mock, folder] = [await mockOf(t), await folderOf(t)];
  const path = join(folder, "config.yaml");
  await writeFile(path, brokenFile);
  const asked: string[] = [];
  const place = withKeys(folder, mock.url);
  const approve: SessionOptions["approve"] = ({ summary }) => {
    asked.push(summary);
    return Promise.resolve(true);
  };
  const session = await opened(t, optionsOf(folder, { place, isYes: false, approve }));
  assert.match(session.notice!, /^The configuration file cannot be used: .*config\.yaml:\d/);
  const text = { line: 5, text: "  anthropic: { api_key: [secret], models: [claude-mock] }" };
  mock.enqueue(
    calls(["config_problems", {}]),
    calls(["config_mend", { lines: [text] }]),
    calls(["config_mend", { lines: [{ line: 99, text: "x" }] }]),
    calls(["config_mend", { lines: [{ line: 2, text: "  port: ninety" }] }]),
    calls([
      "config_mend",
      {
        lines: [
          { line: 2, text: "  port: 8090" },
          { line: 5, text: "  anthropic: { models: [claude-mock] }" },
        ],
      },
    ]),
    says("It is mended."),
  );
  assert.equal((await session.conversation!.ask("why does the gateway not start? mend it")).answer, "It is mended.");
  const mended = brokenFile
    .replace("eighty", "8090")
    .replace("api_key: sk-ant-api03-canary-secret-0123456789, models: [claude-mock]", "models: [claude-mock] }");
  assert.equal(await readFile(path, "utf8"), mended);
  assert.equal(asked.length, 1, "what cannot be done is not asked about");
  assert.match(asked[0]!, /^config_mend: change .*\n(?:.*\n)*- +port: eighty\n\+ +port: 8090\n(?:.*\n)*The file can be used then\.$/);
  const seen = sentTexts(mock).join("\n");
  for (const told of ["would contain a mask", "there is no line 99", "could not be used either"]) assert.ok(seen.includes(told), told);
  assert.ok(!`${seen}${asked.join("")}${session.notice}`.includes("canary-secret"));
  // The next conversation has all tools again.
  const next = await opened(t, optionsOf(folder, { place }));
  assert.deepEqual([next.notice, next.tools.some(({ name }) => name === "config_set")], [undefined, true]);
});

test("it starts the gateway of this machine, restarts and stops it, each after a yes", async (t) => {
  const [mock, folder] = [await mockOf(t), await folderOf(t)];
  const path = join(folder, "config.yaml");
  const database = `database: { path: "${join(folder, "gateway.db")}" }\n`;
  await writeFile(path, withMockUpstream(mock.url, database).replace("work_mode: auto", "work_mode: auto, host: 127.0.0.1, port: 0"));
  const daemon = new Daemon({ config: path });
  t.after(() => daemon.stop());
  const asked: string[] = [];
  const shown: string[] = [];
  const approve: SessionOptions["approve"] = ({ summary }) => {
    asked.push(summary.split(/[:(]/)[0]!.trim());
    return Promise.resolve(true);
  };
  const session = await opened(t, optionsOf(folder, { place: { path }, isYes: false, approve, showOnce: (key) => shown.push(key) }));
  const pidAfter = async (tool: string, question: string): Promise<number | undefined> => {
    mock.enqueue(calls([tool, {}]), says("Done."));
    await session.conversation!.ask(question);
    const state = await daemon.status();
    return state.status === "running" ? state.pid : undefined;
  };
  const started = await pidAfter("gateway_start", "start the gateway");
  assert.ok(started !== undefined);
  assert.match(shown.join(), /^tok_/);
  assert.ok(!sentTexts(mock).some((text) => text.includes(shown[0]!)), "the first key is for the user alone");
  const restarted = await pidAfter("gateway_restart", "restart the gateway");
  assert.ok(restarted !== undefined && restarted !== started);
  assert.equal(await pidAfter("gateway_start", "start the gateway"), restarted, "it runs already");
  assert.equal(await pidAfter("daemon_stop", "stop the gateway"), undefined);
  mock.enqueue(calls(["users_list", {}]), says("There is one."));
  assert.equal((await session.conversation!.ask("who is there?")).answer, "There is one.");
  assert.match(sentTexts(mock).at(-1)!, /admin/, "the conversation goes on without a gateway");
  assert.deepEqual(asked, ["gateway_start", "gateway_restart", "daemon.stop"]);
});
