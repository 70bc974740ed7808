import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAccounts } from "./testing.ts";

test("tags of a user, a key and the key it was made with are on every request, the user's first", async () => {
  const { accounts, cleanUp } = await makeAccounts();
  const tagsOf = async (key: string): Promise<readonly string[] | undefined> => (await accounts.authenticate(key))?.boundTags;
  const alice = await accounts.createUser({ username: "alice", tags: ["team:search", "team:search", "eu"] });
  assert.deepEqual(alice.tags, ["team:search", "eu"]);
  const parent = await accounts.createKey({ user: "alice", tags: ["project:x", "eu"] });
  const child = await accounts.createKey({ user: "alice", parent: parent.id });
  const plain = await accounts.createKey({ user: "alice" });
  assert.deepEqual([parent.tags, child.tags, plain.tags], [["project:x", "eu"], [], []]);
  assert.deepEqual(
    [await tagsOf(parent.key), await tagsOf(child.key), await tagsOf(plain.key)],
    [
      ["team:search", "eu", "project:x"],
      ["team:search", "eu", "project:x"],
      ["team:search", "eu"],
    ],
  );

  assert.deepEqual((await accounts.updateUser("alice", { email: "a@example.org" })).tags, ["team:search", "eu"]);
  assert.deepEqual((await accounts.updateUser("alice", { tags: ["team:ads"] })).tags, ["team:ads"]);
  assert.deepEqual(await tagsOf(child.key), ["team:ads", "project:x", "eu"]);
  assert.deepEqual((await accounts.updateUser("alice", { tags: [] })).tags, []);
  assert.deepEqual([await tagsOf(plain.key), (await accounts.getUser("alice")).tags], [undefined, []]);

  // More than a request has: those nearest to the user count.
  await accounts.updateUser("alice", { tags: ["1", "2", "3", "4", "5", "6", "7"] });
  assert.deepEqual(await tagsOf(child.key), ["1", "2", "3", "4", "5", "6", "7", "project:x"]);
  await cleanUp();
});

test("tags that are none, or too many, are refused", async () => {
  const { accounts, cleanUp } = await makeAccounts();
  await accounts.createUser({ username: "alice" });
  const cases: readonly unknown[] = ["team", [""], ["a b"], ["-a"], [7], Array.from({ length: 9 }, (_, i) => `t${i}`), ["x".repeat(65)]];
  for (const tags of cases) {
    const refused = { code: "invalid_request", param: "tags", message: /^The tags must be at most 8/ };
    await assert.rejects(async () => accounts.createUser({ username: "bob", tags: tags as string[] }), refused);
    await assert.rejects(async () => accounts.createKey({ user: "alice", tags: tags as string[] }), refused);
    await assert.rejects(async () => accounts.updateUser("alice", { tags: tags as string[] }), refused);
  }
  await cleanUp();
});
