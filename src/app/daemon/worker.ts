import { once } from "node:events";
import type { Socket } from "node:net";
import { messageOf, systemClock } from "../../core/index.ts";
import { PrimaryRemote } from "../../limits/index.ts";
import { createMessageSink } from "../../ledger/index.ts";
import type { MetricsSnapshot } from "../../server/index.ts";
import { composeGateway, type Drain } from "../compose/compose-gateway.ts";
import { loadSettings, type LoadedSettings } from "../config/index.ts";
import { openLog } from "../logging/log.ts";
import { runtimePaths } from "../paths.ts";
import { prepare } from "./prepare.ts";
import type { ToPrimary, ToWorker, WorkerTask } from "./worker-messages.ts";

/** One worker: serves the port, sends its ledger rows to the primary, and does what the primary says. */
// The primary's messages change the gateway, the log and the settings that are made here: apart, each of them would be an argument of the other part.
// oxlint-disable-next-line max-lines-per-function
async function runWorker(task: WorkerTask): Promise<void> {
  const load = (text: string): LoadedSettings =>
    loadSettings({ ...(task.config === undefined ? {} : { path: task.config }), overrides: task.overrides, text });
  const loaded = load(task.text);
  let { configurationFailed } = task;
  const paths = runtimePaths(loaded.settings.database.path);
  const log = openLog({ level: loaded.settings.gateway.logging.level, file: loaded.settings.gateway.logging.file ?? paths.log });
  const sink = createMessageSink((message) => tell(message));
  const questions = new Questions();
  const limitRemote = new PrimaryRemote((question) => tell({ type: "limits", question }));

  const gateway = await composeGateway({
    loaded,
    log,
    clock: systemClock,
    sink,
    limitRemote,
    toPrimary: (news) => tell({ type: "targets", news }),
    processes: task.workers,
    configurationFailed: () => configurationFailed,
    collectMetrics: async (own) => (await questions.ask((id) => ({ type: "total-wanted", id }))) ?? own(),
    reload: async () => {
      await questions.ask((id) => ({ type: "reload-wanted", id }));
      return { status: "reloaded" };
    },
    status: () => ({ status: "running", pid: process.pid }),
    stop: () => {},
  });

  if (task.repaired !== undefined) gateway.surroundings.note(task.repaired);
  let stopping = false;
  const stop = async (drain: Drain): Promise<void> => {
    if (stopping) {
      gateway.hurry(drain.graceMs);
      return;
    }
    stopping = true;
    await gateway.close(drain);
    tell({ type: "ended", snapshot: gateway.metrics() });
    log.close();
    process.disconnect?.();
  };
  process.on("message", (message: ToWorker, socket?: Socket) => {
    if (typeof message === "string") {
      sink.receive(message);
      return;
    }
    switch (message.type) {
      case "connection":
        // First of all, while nothing has been read from it.
        tell({ type: "taken" });
        // `undefined`: the client has disconnected meanwhile.
        if (socket !== undefined) gateway.edge.adopt(socket);
        return;
      case "apply":
        try {
          gateway.apply(load(message.text));
        } catch (error) {
          log.logger.error({ error: messageOf(error) }, "a worker could not read the configuration that the primary had read");
        }
        return;
      case "configuration-failed":
        configurationFailed = message.failed;
        return;
      case "repaired":
        gateway.surroundings.note(message.message);
        return;
      case "targets":
        gateway.sharedStates.receive(message.news);
        return;
      case "limits":
        limitRemote.receive(message.reply);
        return;
      case "reopen-log":
        log.reopen();
        return;
      case "stop":
        void stop(message);
        return;
      case "count":
        tell({ type: "counted", id: message.id, snapshot: gateway.metrics() });
        return;
      case "total":
        questions.answer(message.id, undefined, message.snapshot);
        return;
      case "reloaded":
        questions.answer(message.id, message.error, undefined);
    }
  });
  process.on("disconnect", () => {
    sink.disconnect("the primary process is gone");
    // Without a primary there is no ledger to write to.
    process.exit(stopping ? 0 : 1);
  });

  gateway.setServing(true);
  if (task.isPrepared) await prepare(gateway);
  tell({ type: "serving" });
  if (!task.isPrepared) void gateway.warmUp();
}

type Answer = MetricsSnapshot | undefined;

/** What this worker has asked the primary and waits for, by number. */
class Questions {
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #lastId = 0;

  ask(message: (id: number) => ToPrimary): Promise<Answer> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    tell(message(id));
    return waiting.promise;
  }

  answer(id: number, error: string | undefined, snapshot: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(snapshot);
    else waiting?.reject(new Error(error));
  }
}

function tell(message: ToPrimary): void {
  process.send?.(message, undefined, undefined, () => {});
}

/** Does what the primary asks for in its first message. */
export async function serveAsWorker(): Promise<void> {
  // Those behind it wait until there is a listener for them.
  const [task] = (await once(process, "message")) as [WorkerTask];
  await runWorker(task).catch((error: unknown) => {
    tell({ type: "failed", message: messageOf(error) });
    process.exitCode = 1;
    if (process.connected) process.disconnect?.();
  });
}
