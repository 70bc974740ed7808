import { execFile } from "node:child_process";

/**
 * What has started this process and watches it. `systemd`: a unit with `Type=notify`, which can be given another main process. `other`: something that takes
 * the end of this process for the end of the service. `none`: a person or a program that does not wait.
 */
export type ServiceManager = "systemd" | "other" | "none";

export interface ProcessFacts {
  readonly pid: number;
  /** As it was when the process began: later the parent may have ended. */
  readonly ppid: number;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

/** The first process of a container, or of the whole system. */
const init = 1;

/** @see systemd.exec(5) for `SYSTEMD_EXEC_PID`, sd_notify(3) for `NOTIFY_SOCKET`. */
export function findServiceManager({ pid, ppid, env, platform }: ProcessFacts): ServiceManager {
  if (platform === "win32") return "none";
  const isMain = env["SYSTEMD_EXEC_PID"] === String(pid) || ppid === init;
  if (isMain && (env["NOTIFY_SOCKET"] ?? "") !== "") return "systemd";
  return isMain || pid === init ? "other" : "none";
}

/**
 * Reports to systemd that this process is the main one of its unit, and serves. Node cannot open a Unix socket for datagrams; `systemd-notify` is a part of
 * every systemd, and returns when the message has been read.
 * @throws Error if it cannot be run.
 */
export async function notifySystemd(env: NodeJS.ProcessEnv): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile("systemd-notify", ["--ready", `MAINPID=${process.pid}`], { env, timeout: 10_000 }, (error) => {
      if (error === null) resolve();
      else reject(new Error(`systemd-notify: ${error.message}`, { cause: error }));
    });
  });
}
