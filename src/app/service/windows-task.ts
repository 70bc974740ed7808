import { join } from "node:path";
import { escapeXml } from "./escape-xml.ts";
import type { ServiceFacts, ServiceFile } from "./service.ts";

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
    stop: [["schtasks", "/Delete", "/F", "/TN", taskName]],
    forget: [],
    check: undefined,
  };
}

/** The schema of the scheduler's tasks, version 1.2 (Windows Vista and later). */
export function renderTask({ command: [file, ...args], scope }: ServiceFacts): string {
  const isSystem = scope === "system";
  const principal = isSystem
    ? [`      <UserId>${localService}</UserId>`]
    : ["      <LogonType>InteractiveToken</LogonType>", "      <RunLevel>LeastPrivilege</RunLevel>"];
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

/** An argument as programs of Windows read it back (CommandLineToArgvW). */
function quote(text: string): string {
  if (/^[^\s"]+$/.test(text)) return text;
  return `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}
