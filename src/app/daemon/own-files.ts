import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { messageOf, type Logger } from "../../core/index.ts";
import { takeFileLock, type FileLock } from "../../store/index.ts";
import type { Surroundings } from "../compose/surroundings.ts";
import type { RuntimePaths } from "../paths.ts";

/** A listening socket on a path. */
export interface PathListener {
  close(graceMs: number): Promise<void>;
}

export interface OwnFilesDeps {
  readonly paths: Pick<RuntimePaths, "folder" | "pid" | "lock" | "socket">;
  /** The daemon's lock, which is held. */
  readonly lock: FileLock;
  /** Listens on `paths.socket`, whatever is there. */
  readonly openSocket: () => Promise<PathListener>;
  readonly surroundings: Pick<Surroundings, "watch" | "report">;
  readonly logger: Logger;
}

/** The files through which commands find the running daemon. */
export interface OwnFiles {
  /** Resolves when the socket is closed; pid file and socket are removed. */
  close(): Promise<void>;
  releaseLock(): void;
}

/** Answers to commands get this long when their socket is closed. */
const socketGraceMs = 500;

/** Opens the control socket, writes the pid file, and makes these and the lock file again if somebody else removes or replaces them. */
export async function openOwnFiles(deps: OwnFilesDeps): Promise<OwnFiles> {
  const { paths, surroundings } = deps;
  const socket = new ControlSocket(deps);
  await socket.open();
  writePid(paths.pid);
  const lock = new WatchedLock(deps);
  const ends = [
    surroundings.watch(() => lock.look()),
    surroundings.watch(() => {
      lookAtPid(deps);
    }),
    surroundings.watch(() => socket.look()),
  ];
  return {
    async close() {
      for (const end of ends) end();
      await socket.close();
      rmSync(paths.pid, { force: true });
    },
    releaseLock: () => lock.release(),
  };
}

function writePid(path: string): void {
  writeFileSync(path, `${process.pid}\n`, { mode: 0o600 });
}

function lookAtPid({ paths, surroundings }: OwnFilesDeps): void {
  if (readPid(paths.pid) === process.pid) return;
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  writePid(paths.pid);
  surroundings.report(`the pid file ${paths.pid} was removed or changed by somebody else; it was written again`);
}

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Tells a file from another one at its path. */
function identify(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}

/** A lock on a file that was removed keeps nobody out: a second daemon would make the file again. */
class WatchedLock {
  readonly #deps: OwnFilesDeps;
  #lock: FileLock;
  #id: string | undefined;

  constructor(deps: OwnFilesDeps) {
    this.#deps = deps;
    this.#lock = deps.lock;
    this.#id = identify(deps.paths.lock);
  }

  /** @throws Error if another daemon has taken the lock meanwhile. */
  look(): void {
    const { paths, surroundings } = this.#deps;
    if (identify(paths.lock) === this.#id) return;
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(paths.lock, "a", 0o600));
    const taken = takeFileLock(paths.lock);
    if (taken === undefined) throw new Error(`Another gateway holds ${paths.lock}: two run on one database. Stop one of them.`);
    this.#lock.release();
    this.#lock = taken;
    this.#id = identify(paths.lock);
    surroundings.report(`the lock file ${paths.lock} was removed or replaced by somebody else; it was made again and locked`);
  }

  release(): void {
    this.#lock.release();
  }
}

class ControlSocket {
  readonly #deps: OwnFilesDeps;
  #listener: PathListener | undefined;
  #id: string | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(deps: OwnFilesDeps) {
    this.#deps = deps;
  }

  async open(): Promise<void> {
    this.#listener = await this.#deps.openSocket();
    this.#id = this.#identify();
  }

  look(): void {
    if (this.#opening !== undefined || (this.#listener !== undefined && this.#identify() === this.#id)) return;
    this.#opening = this.#openAgain().finally(() => {
      this.#opening = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await this.#listener?.close(socketGraceMs);
  }

  /** Never rejects: what fails is tried again at the next look. */
  async #openAgain(): Promise<void> {
    const { paths, surroundings, logger } = this.#deps;
    try {
      // First, because closing removes what is at the path.
      await this.#listener?.close(socketGraceMs);
      this.#listener = undefined;
      if (this.#closed) return;
      mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
      await this.open();
      surroundings.report(`the control socket ${paths.socket} was removed or replaced by somebody else; it was made again`);
    } catch (error) {
      logger.error(
        { file: paths.socket, error: messageOf(error) },
        "the control socket cannot be made again; commands do not reach this gateway",
      );
    }
  }

  /** Named pipes of Windows are no files. */
  #identify(): string | undefined {
    return process.platform === "win32" ? "" : identify(this.#deps.paths.socket);
  }
}
