import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceFacts } from "./testing.ts";
import { createWindowsTask, renderTask } from "./windows-task.ts";

test("a task of Windows begins with the machine or with the user, and runs the command with its arguments as programs read them back", () => {
  const command = ["C:\\Program Files\\node.exe", "C:\\tok\\daemon.js", "--config", 'C:\\a "b"\\', "start"] as const;
  const task = renderTask({ ...serviceFacts, command });
  assert.match(task, /<Command>C:\\Program Files\\node\.exe<\/Command>/);
  assert.match(task, /<Arguments>C:\\tok\\daemon\.js --config &quot;C:\\a \\&quot;b\\&quot;\\\\&quot; start<\/Arguments>/);
  assert.match(task, /<BootTrigger>[^]*<UserId>S-1-5-19<\/UserId>/);
  assert.match(renderTask({ ...serviceFacts, scope: "user" }), /<LogonTrigger>[^]*<LogonType>InteractiveToken<\/LogonType>/);
});

test("every element of a task is closed, in order", () => {
  const open: string[] = [];
  for (const [, slash, name] of renderTask(serviceFacts).matchAll(/<(\/?)([A-Z]\w*)[^>]*>/g)) {
    if (slash === "") open.push(name!);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
});

test("the file is UTF-16 with a byte order mark", () => {
  const { content, path } = createWindowsTask(serviceFacts, "/data");
  assert.equal(path, "/data/tokligence-task.xml");
  assert.ok(Buffer.isBuffer(content));
  assert.deepEqual([...content.subarray(0, 4)], [0xff, 0xfe, 0x3c, 0]);
});
