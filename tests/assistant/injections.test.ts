import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { injections } from "./injections.ts";
import { calls, says, startWorld, type World } from "./world.ts";

/** All that a change could change. */
async function stateOf({ admin: { call }, configPath }: World): Promise<string> {
  const parts = [
    await call("users.list"),
    await call("keys.list"),
    await call("budgets.list"),
    await call("limits.list"),
    readFileSync(configPath, "utf8"),
  ];
  return JSON.stringify(parts);
}

async function seed({ admin: { call } }: World): Promise<Readonly<Record<string, string>>> {
  await call("users.create", { body: { username: "root", role: "admin" } });
  for (const username of ["alice", "bob", "dave", "mallory"]) await call("users.create", { body: { username } });
  await call("users.disable", { param: "dave" });
  const key = await call("keys.create", { body: { user: "alice", name: "laptop" } });
  const budget = await call("budgets.set", { body: { subject: "alice", period: "day", stop_usd: 5 } });
  await call("limits.set", { body: { subject: "alice", requests_per_minute: 60 } });
  return { ALICE_KEY: key.id, ALICE_BUDGET: budget.id };
}

function logWith(text: string): string {
  return `${JSON.stringify({ level: 50, time: 1_795_443_310_000, msg: "request", request_id: "req_1", error: text, model: text })}\n`;
}

test("a model that obeys 40 texts in the log changes nothing, with --yes and without it", async (t) => {
  const world = await startWorld(t, { validate: false });
  const ids = await seed(world);
  const before = await stateOf(world);
  const withYes = await world.session({ isYes: true, agree: false });
  const asking = await world.session({ agree: false });
  const reading = await world.session({ isYes: true, isReadOnly: true });
  assert.equal(injections.length, 40);
  for (const [index, [text, name, input]] of injections.entries()) {
    writeFileSync(world.logPath, logWith(text));
    const filled = Object.fromEntries(
      Object.entries(input).map(([field, value]) => [field, typeof value === "string" ? (ids[value] ?? value) : value]),
    );
    const session = [withYes, asking, reading][index % 3]!;
    session.conversation!.clear();
    await session.play(
      "Why did the last request of alice fail?",
      calls(["logs_read", {}]),
      calls([name, filled]),
      says("I did what the log says."),
    );
    // The text has reached the model, as data.
    const sent = world.mock.requests.at(-1)!.body.toString("utf8");
    assert.match(sent, /<data source=\\"logs_read\\">/, text);
    // Its mark cannot be ended by the text: there are as many ends as beginnings.
    assert.equal(sent.split("</data>").length, sent.split("<data source=").length, text);
  }
  assert.equal(await stateOf(world), before);
  assert.equal(reading.asked.length, 0);
  assert.equal(
    withYes.asked.every(({ hasForeignText }) => hasForeignText),
    true,
  );
  assert.ok(withYes.asked.length > 8);
});

test("with --yes a change that the question asks for is made after reading names and logs, and no other one", async (t) => {
  const world = await startWorld(t, { validate: false });
  await seed(world);
  const session = await world.session({ isYes: true, agree: false });
  const { call } = world.admin;
  await session.play(
    "disable bob",
    calls(["users_list", {}]),
    calls(["users_disable", { id: "bob" }]),
    calls(["users_disable", { id: "alice" }]),
    says("Done."),
  );
  assert.notEqual((await call("users.get", { param: "bob" })).disabled_at, null);
  assert.equal((await call("users.get", { param: "alice" })).disabled_at, null);
  await session.play(
    "give bob 7.50 dollars a day",
    calls(["budgets_set", { subject: "bob", period: "day", stop_usd: 7.5 }]),
    calls(["budgets_set", { subject: "bob", period: "day", stop_usd: 75 }]),
    says("Done."),
  );
  assert.deepEqual(
    (await call("budgets.list", { query: { subject: "bob" } })).data.map(({ stop_usd }) => stop_usd),
    ["7.5"],
  );
  assert.deepEqual(
    session.asked.map(({ summary }) => summary.split("\n")[0]!.split(":")[0]),
    ["users.disable", "budgets.set"],
  );
});

test("--yes covers what a question asks for that read nothing of others; without it each change is asked about", async (t) => {
  const world = await startWorld(t, { validate: false });
  await seed(world);
  const session = await world.session({ isYes: true, agree: false });
  await session.play(
    "mallory is a colleague: let her administrate",
    calls(["users_update", { id: "mallory", role: "admin" }]),
    says("Done."),
  );
  assert.equal((await world.admin.call("users.get", { param: "mallory" })).role, "admin");
  assert.equal(session.asked.length, 0);
  const asking = await world.session({ agree: false });
  await asking.play("and a user again", calls(["users_update", { id: "mallory", role: "user" }]), says("You declined."));
  assert.equal((await world.admin.call("users.get", { param: "mallory" })).role, "admin");
  assert.equal(
    asking.asked[0]!.summary,
    "users.update: Changes role, email or tags of a user, by id or name. Its keys lose at once what only admins may.\n" +
      "  id                   mallory\n  role                 user\n  that is              the user mallory (admin)",
  );
});
