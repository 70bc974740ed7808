import assert from "node:assert/strict";
import { test } from "node:test";
import { readRole } from "./role.ts";

test("an executable runs what it is called by, unless its first argument names a role", () => {
  const cases = [
    ["./tokligence", ["start"], "tokligence", ["start"]],
    ["/usr/bin/tokligence-linux-x64", ["start"], "tokligence", ["start"]],
    ["C:\\bin\\tokligenced.EXE", ["stop"], "tokligence-daemon", ["stop"]],
    ["tokligence", ["--as=tokligence-daemon", "start"], "tokligence-daemon", ["start"]],
    ["tgw", ["chat", "--as=worker"], "tokligence", ["chat", "--as=worker"]],
    ["worker", [], "tokligence", []],
    ["tokligence", ["--as=other"], "tokligence", ["--as=other"]],
  ] as const;
  for (const [argv0, args, role, rest] of cases) assert.deepEqual(readRole(argv0, args), { role, args: rest });
});
