import assert from "node:assert/strict";
import { test } from "node:test";
import { calls, canaries, modelNames, models, says, sentTexts, startWorld, type TestSession } from "./world.ts";
import { configFile, configTasks, correctedTasks, moneyTasks, userTasks } from "./tasks.ts";

const users = ["alice", "bob", "carol", "dave", "erin"];

test("tasks over the stand-ins of all four protocols end in the right state, with one question for each change", async (t) => {
  const world = await startWorld(t, { validate: false });
  configFile.path = world.configPath;
  const { call } = world.admin;
  await call("users.create", { body: { username: "root", role: "admin" } });
  for (const username of users) await call("users.create", { body: { username } });
  const sessions: TestSession[] = [];
  for (const model of modelNames) sessions.push(await world.session({ model }));
  const tasks = [...userTasks, ...moneyTasks, ...configTasks, ...correctedTasks];
  for (const [index, task] of tasks.entries()) {
    const session = sessions[index % sessions.length]!;
    session.conversation!.clear();
    const before = session.asked.length;
    const answer = await session.play(task.question, ...task.turns.map((turn) => calls(...turn)), says(`Done: ${task.question}`));
    assert.equal(answer, `Done: ${task.question}`);
    assert.equal(session.asked.length - before, task.yes, task.question);
    await task.check(call);
    assert.equal(world.mock.queued, 0, task.question);
  }
  assert.equal(tasks.length, 60);
  // Keys that were made were shown to the user, and to nobody else.
  const keys = sessions.flatMap(({ keysShown }) => keysShown);
  assert.equal(keys.length, 2);
  const sent = sentTexts(world.mock).join("\n");
  for (const secret of [...keys, ...canaries]) assert.equal(sent.includes(secret), false, secret);
});

test("a key is rotated: the new one is shown to the user alone, the old one is named before it is revoked", async (t) => {
  const world = await startWorld(t, { validate: false });
  const { call } = world.admin;
  await call("users.create", { body: { username: "bob" } });
  const old = await call("keys.create", { body: { user: "bob", name: "laptop" } });
  const session = await world.session({});
  const turns = [calls(["keys_create", { user: "bob", name: "laptop 2" }]), calls(["keys_revoke", { id: old.prefix }]), says("Rotated.")];
  assert.equal(await session.play("rotate the key of bob", ...turns), "Rotated.");
  const { data } = await call("keys.list", { query: { user: "bob" } });
  assert.deepEqual(
    data.map(({ name, revoked_at }) => [name, revoked_at === null]),
    [
      ["laptop", false],
      ["laptop 2", true],
    ],
  );
  assert.match(session.asked[1]!.summary, /that is +the key laptop \(tok_[\w-]{4}…\) of bob, and keys that were made with it$/);
  assert.equal(session.keysShown.length, 1);
  assert.equal(sentTexts(world.mock).join("").includes(session.keysShown[0]!), false);
});

for (const [protocol, model] of Object.entries(models)) {
  test(`with ${protocol}, tools, their results and the conversation reach the model`, async (t) => {
    const world = await startWorld(t);
    const session = await world.session({ model });
    await world.admin.call("users.create", { body: { username: "alice" } });
    const answer = await session.play("who is there?", calls(["users_list", {}], ["status_get", {}]), says("Only alice."));
    assert.equal(answer, "Only alice.");
    assert.equal(await session.play("and her role?", says("She is a user.")), "She is a user.");
    const [first, second, third] = sentTexts(world.mock);
    assert.match(first!, /"budgets_set"/);
    assert.match(second!, /alice/);
    assert.match(second!, /data source=/);
    assert.match(third!, /Only alice\./);
  });
}
