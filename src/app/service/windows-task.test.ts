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
  const own = renderTask({ ...serviceFacts, scope: "user", user: "OFFICE\\Ann & Co" });
  // Only an administrator may ask for a task that begins at the logon of any user.
  assert.match(own, /<LogonTrigger>\s*<Enabled>true<\/Enabled>\s*<UserId>OFFICE\\Ann &amp; Co<\/UserId>\s*<\/LogonTrigger>/);
  assert.match(own, /<Principal id="Author">\s*<UserId>OFFICE\\Ann &amp; Co<\/UserId>\s*<LogonType>InteractiveToken<\/LogonType>/);
});

/** Elements and what they may contain: a part of the schema of tasks (Microsoft Learn, "Task Scheduler Schema", read 2026-11-29). */
const schema: Readonly<Record<string, readonly string[] | RegExp>> = {
  Task: ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"],
  RegistrationInfo: ["Description"],
  Description: /./,
  Triggers: ["BootTrigger", "LogonTrigger"],
  // In this order.
  BootTrigger: ["Enabled", "Delay"],
  LogonTrigger: ["Enabled", "UserId", "Delay"],
  Enabled: /^(?:true|false)$/,
  UserId: /./,
  Principals: ["Principal"],
  Principal: ["UserId", "LogonType", "RunLevel"],
  LogonType: /^(?:S4U|Password|InteractiveToken)$/,
  RunLevel: /^(?:LeastPrivilege|HighestAvailable)$/,
  Settings: [
    "MultipleInstancesPolicy",
    "DisallowStartIfOnBatteries",
    "StopIfGoingOnBatteries",
    "ExecutionTimeLimit",
    "Priority",
    "RestartOnFailure",
  ],
  MultipleInstancesPolicy: /^(?:Parallel|Queue|IgnoreNew|StopExisting)$/,
  DisallowStartIfOnBatteries: /^(?:true|false)$/,
  StopIfGoingOnBatteries: /^(?:true|false)$/,
  ExecutionTimeLimit: /^P(?:T\d+[HMS])$/,
  Priority: /^(?:\d|10)$/,
  RestartOnFailure: ["Interval", "Count"],
  Interval: /^PT[1-9]\d*M$/,
  // A byte.
  Count: /^(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/,
  Actions: ["Exec"],
  Exec: ["Command", "Arguments", "WorkingDirectory"],
  Command: /./,
  Arguments: /./,
};

test("a task has elements, orders and values of the scheduler's schema", () => {
  for (const facts of [serviceFacts, { ...serviceFacts, scope: "user", user: "ann" } as const]) {
    const open: { readonly name: string; last: number }[] = [];
    for (const [, slash, name, text] of renderTask(facts).matchAll(/<(\/?)([A-Z]\w*)[^>]*>([^<]*)/g)) {
      if (slash === "/") {
        open.pop();
        continue;
      }
      const parent = open.at(-1);
      const allowed = parent === undefined ? ["Task"] : schema[parent.name]!;
      assert.ok(!(allowed instanceof RegExp), `${parent?.name} has only a text`);
      const at = allowed.indexOf(name!);
      assert.ok(at > (parent?.last ?? -1), `${name} in ${parent?.name}`);
      if (parent !== undefined) parent.last = at;
      const content = schema[name!];
      if (content instanceof RegExp) assert.match(text!, content, name!);
      open.push({ name: name!, last: -1 });
    }
    assert.deepEqual(open, []);
  }
});

test("every element of a task is closed, in order", () => {
  const open: string[] = [];
  for (const [, slash, name] of renderTask(serviceFacts).matchAll(/<(\/?)([A-Z]\w*)[^>]*>/g)) {
    if (slash === "") open.push(name!);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
});

test("the file is UTF-16 with a byte order mark; the gateway is ended in order before the task is removed", () => {
  const { content, path, stop } = createWindowsTask(serviceFacts, "/data");
  const [node, script, option, config] = serviceFacts.command;
  assert.deepEqual(stop, [
    [node, script, option, config, "stop"],
    ["schtasks", "/Delete", "/F", "/TN", "Tokligence Gateway"],
  ]);
  assert.equal(path, "/data/tokligence-task.xml");
  assert.ok(Buffer.isBuffer(content));
  assert.deepEqual([...content.subarray(0, 4)], [0xff, 0xfe, 0x3c, 0]);
});
