import { join } from "node:path";
import { escapeXml } from "./escape-xml.ts";
import type { Command, ServiceFacts, ServiceFile } from "./service.ts";

const taskName = "Tokligence Gateway";
/** NT AUTHORITY\LOCAL SERVICE. */
const localService = "S-1-5-19";

/** A task of the scheduler. Its file is kept, so that it can be seen what was registered. @param folder where the file lies. */
export function createWindowsTask(facts: ServiceFacts, folder: string): ServiceFile {
  const path = join(folder, "tokligence-task.xml");
  return {
    path,
    // The scheduler reads UTF-16 with a byte order mark; other encodings depend on its version.
    content: Buffer.from(`\uFEFF${renderTask(facts)}`, "utf16le"),
    start: [
      ["schtasks", "/Create", "/F", "/TN", taskName, "/XML", path],
      ["schtasks", "/Run", "/TN", taskName],
    ],
    // The scheduler itself can only kill a program, and what the ledger has not written would be lost.
    stop: [stopCommand(facts), ["schtasks", "/Delete", "/F", "/TN", taskName]],
    forget: [],
    check: undefined,
  };
}

/** The schema of the scheduler's tasks, version 1.2 (Windows Vista and later). */
export function renderTask({ command: [file, ...args], scope, user }: ServiceFacts): string {
  const isSystem = scope === "system";
  const principal = isSystem
    ? [`      <UserId>${localService}</UserId>`]
    : [...userId(user), "      <LogonType>InteractiveToken</LogonType>", "      <RunLevel>LeastPrivilege</RunLevel>"];
  const trigger = isSystem ? "BootTrigger" : "LogonTrigger";
  return [
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    "  <RegistrationInfo>",
    "    <Description>Tokligence Gateway</Description>",
    "  </RegistrationInfo>",
    "  <Triggers>",
    `    <${trigger}>`,
    "      <Enabled>true</Enabled>",
    // Without it the task would begin at the logon of any user, which only an administrator may ask for.
    ...(isSystem ? [] : userId(user)),
    `    </${trigger}>`,
    "  </Triggers>",
    "  <Principals>",
    '    <Principal id="Author">',
    ...principal,
    "    </Principal>",
    "  </Principals>",
    "  <Settings>",
    "    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>",
    "    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>",
    "    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>",
    "    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
    // The scheduler's default, 7, is below that of other programs.
    "    <Priority>5</Priority>",
    "    <RestartOnFailure>",
    "      <Interval>PT1M</Interval>",
    "      <Count>255</Count>",
    "    </RestartOnFailure>",
    "  </Settings>",
    '  <Actions Context="Author">',
    "    <Exec>",
    `      <Command>${escapeXml(file)}</Command>`,
    `      <Arguments>${escapeXml(args.map(quote).join(" "))}</Arguments>`,
    "    </Exec>",
    "  </Actions>",
    "</Task>",
    "",
  ].join("\r\n");
}

function userId(user: string | undefined): string[] {
  return user === undefined ? [] : [`      <UserId>${escapeXml(user)}</UserId>`];
}

/** `tokligence-daemon stop` with the program and the configuration of the task. */
function stopCommand({ command: [file, ...args] }: ServiceFacts): Command {
  return [file, ...args.slice(0, -1), "stop"];
}

/** An argument as programs of Windows read it back (CommandLineToArgvW). */
function quote(text: string): string {
  if (/^[^\s"]+$/.test(text)) return text;
  return `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
