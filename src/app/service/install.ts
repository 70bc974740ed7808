import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname } from "node:path";
import { createLaunchdPlist } from "./launchd-plist.ts";
import type { Command, ServiceFacts, ServiceFile } from "./service.ts";
import { createSystemdUnit } from "./systemd-unit.ts";
import { createWindowsTask } from "./windows-task.ts";

/** Runs a command. `undefined`: there is no such program. */
export type RunCommand = (command: Command) => Promise<{ readonly code: number; readonly output: string } | undefined>;

export interface InstallResult {
  readonly file: string;
  /** Whether the service manager's own program has checked the file. */
  readonly checked: boolean;
  readonly started: boolean;
  /** Commands that are left to do. */
  readonly commands: readonly string[];
}

/** What the system's service manager is given. @throws Error on a system without one that is known. */
export function createServiceFile(facts: ServiceFacts, platform: NodeJS.Platform): ServiceFile {
  switch (platform) {
    case "linux":
      return createSystemdUnit(facts, homedir());
    case "darwin":
      return createLaunchdPlist(facts, { home: homedir(), uid: process.getuid?.() ?? 0 });
    case "win32":
      return createWindowsTask(facts, facts.writable[0]!);
    default:
      throw new Error(
        `There is no known service manager for ${platform}. Start \`${commandText(facts.command)}\` with the system's own means.`,
      );
  }
}

/**
 * Writes the file, has it checked, and starts the service.
 * @param starts `false`: the file is only written and checked.
 * @throws Error if it cannot be written, is not right for the service manager, or a command fails.
 */
export async function installService(file: ServiceFile, run: RunCommand, starts: boolean): Promise<InstallResult> {
  mkdirSync(dirname(file.path), { recursive: true });
  writeFileSync(file.path, file.content, { mode: 0o644 });
  const checked = await check(file, run);
  if (!starts) return { file: file.path, checked, started: false, commands: file.start.map(commandText) };
  await runAll(file.start, run);
  return { file: file.path, checked, started: true, commands: [] };
}

/** @returns whether there was a service. @throws Error if a command fails. */
export async function uninstallService(file: ServiceFile, run: RunCommand): Promise<boolean> {
  if (!existsSync(file.path)) return false;
  await runAll(file.stop, run);
  rmSync(file.path);
  await runAll(file.forget, run);
  return true;
}

/** `systemd-analyze verify` succeeds for a unit with an unknown key, too, and only prints it. */
async function check({ check: command, path }: ServiceFile, run: RunCommand): Promise<boolean> {
  const result = command && (await run(command));
  if (command === undefined || result === undefined) return false;
  if (result.code !== 0 || result.output !== "") {
    throw new Error(`${path} was written, but \`${commandText(command)}\` says: ${result.output || `exit ${result.code}`}`);
  }
  return true;
}

async function runAll(commands: readonly Command[], run: RunCommand): Promise<void> {
  for (const [index, command] of commands.entries()) {
    const result = await run(command);
    if (result?.code === 0) continue;
    const reason = result === undefined ? "there is no such program" : result.output || `exit ${result.code}`;
    const left = commands.slice(index).map(commandText).join(" && ");
    throw new Error(`\`${commandText(command)}\` failed: ${reason}\nWhat is left to do: ${left}`);
  }
}

export function commandText(command: readonly string[]): string {
  return command.map((word) => (/^[\w@%+=:,./\\-]+$/.test(word) ? word : `"${word}"`)).join(" ");
}

/** A service manager that does not answer in this time is not waited for; a start takes up to 30 seconds. */
const commandMs = 90_000;

export const runCommand: RunCommand = ([file, ...args]) =>
  new Promise((resolve) => {
    execFile(file, args, { timeout: commandMs }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      if (error === null) resolve({ code: 0, output });
      else if (error.code === "ENOENT") resolve(undefined);
      else resolve({ code: typeof error.code === "number" ? error.code : 1, output: output === "" ? error.message : output });
    });
  });
