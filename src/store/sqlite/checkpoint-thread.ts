import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

/*
 * The thread of `Checkpoints`: it posts a message when its connection is open and after each checkpoint, and ends on "close".
 */

/** A longer log, which a reader may have kept from being copied, is copied while writers wait, and then cut off. */
const maxLogBytes = 64 * 1024 * 1024;
/** How long a cut waits for readers and a writer. */
const busyTimeoutMs = 1000;

const port = parentPort!;
// Never makes the file: if it was removed meanwhile, the thread ends with the error.
const database = new DatabaseSync(`${pathToFileURL(String(workerData)).href}?mode=rw`, { timeout: busyTimeoutMs });
database.exec("pragma synchronous = normal");
const pageBytes = Number(database.prepare("pragma page_size").get()!["page_size"]);

function checkpoint(): void {
  const { log } = database.prepare("pragma wal_checkpoint(passive)").get()!;
  if (Number(log) * pageBytes > maxLogBytes) database.exec("pragma wal_checkpoint(truncate)");
}

port.on("message", (message) => {
  if (message === "close") {
    database.close();
    port.close();
    return;
  }
  try {
    checkpoint();
  } catch {
    // The disk is full, or a lock is taken: the next one copies what is left.
  }
  port.postMessage("idle");
});
port.postMessage("idle");
