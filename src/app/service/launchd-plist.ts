import { join } from "node:path";
import { escapeXml } from "./escape-xml.ts";
import { openFiles, stopSeconds, type ServiceFacts, type ServiceFile } from "./service.ts";

export const launchdLabel = "ai.tokligence.gateway";

/** @param user of the one who installs it: its home folder and its number. */
export function createLaunchdPlist(facts: ServiceFacts, { home, uid }: { readonly home: string; readonly uid: number }): ServiceFile {
  const isSystem = facts.scope === "system";
  const folder = isSystem ? "/Library/LaunchDaemons" : join(home, "Library", "LaunchAgents");
  const domain = isSystem ? "system" : `gui/${uid}`;
  const path = `${folder}/${launchdLabel}.plist`;
  return {
    path,
    content: renderPlist(facts),
    start: [["launchctl", "bootstrap", domain, path]],
    stop: [["launchctl", "bootout", `${domain}/${launchdLabel}`]],
    forget: [],
    check: ["plutil", "-lint", "-s", path],
  };
}

type Value = string | number | boolean | readonly string[] | { readonly [key: string]: Value };

/** launchd.plist(5). */
export function renderPlist({ command, user, outputFile }: ServiceFacts): string {
  const content: Value = {
    Label: launchdLabel,
    ProgramArguments: command,
    ...(user === undefined ? {} : { UserName: user }),
    RunAtLoad: true,
    // It is started again if it fails, not after `tokligence-daemon stop`.
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: stopSeconds,
    // 0077: what it prints at its very first start has the admin's key.
    Umask: 0o077,
    SoftResourceLimits: { NumberOfFiles: openFiles },
    HardResourceLimits: { NumberOfFiles: openFiles },
    StandardOutPath: outputFile,
    StandardErrorPath: outputFile,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    ...render(content, ""),
    "</plist>",
    "",
  ].join("\n");
}

function render(value: Value, indent: string): string[] {
  const inner = `${indent}  `;
  if (typeof value === "string") return [`${indent}<string>${escapeXml(value)}</string>`];
  if (typeof value === "number") return [`${indent}<integer>${value}</integer>`];
  if (typeof value === "boolean") return [`${indent}<${value}/>`];
  if (isList(value)) return [`${indent}<array>`, ...value.flatMap((item) => render(item, inner)), `${indent}</array>`];
  const entries = Object.entries(value).flatMap(([key, item]) => [`${inner}<key>${key}</key>`, ...render(item, inner)]);
  return [`${indent}<dict>`, ...entries, `${indent}</dict>`];
}

function isList(value: readonly string[] | object): value is readonly string[] {
  return Array.isArray(value);
}
