/** What a service manager is to run. All paths are absolute. */
export interface ServiceFacts {
  /** The program and its arguments, of which the last one is `start`. */
  readonly command: readonly [file: string, ...args: string[]];
  /** `system`: from the start of the machine on; `user`: for the user who installs it. */
  readonly scope: "system" | "user";
  /** Whom it runs as: in the system's scope, and on Windows in that of a user. */
  readonly user: string | undefined;
  /** Folders that it writes to. */
  readonly writable: readonly string[];
  /** Folders and files that it reads besides the system's own. */
  readonly readable: readonly string[];
  /** The port is below 1024. */
  readonly isPortPrivileged: boolean;
  /** Variables of the environment, one `NAME=value` a line; it need not be there. */
  readonly environmentFile: string;
  /** Where a service manager without a log of its own puts what the program prints. */
  readonly outputFile: string;
}

/** What one service manager needs to know the gateway, and the commands for it. */
export interface ServiceFile {
  readonly path: string;
  readonly content: string | Buffer;
  /** Commands that make the service manager read the file, and start the service. */
  readonly start: readonly Command[];
  /** Commands that end the service, before the file is removed. */
  readonly stop: readonly Command[];
  /** Commands after the file was removed. */
  readonly forget: readonly Command[];
  /** A command that checks the file, and prints nothing if it is right. */
  readonly check: Command | undefined;
}

export type Command = readonly [file: string, ...args: string[]];

/** Longer than the drain of 30 seconds and the end of the ledger take. */
export const stopSeconds = 60;
/** Each connection of a client may need a second one, to its provider. */
export const openFiles = 65_536;
