import { setPriority } from "node:os";

/**
 * Lets the threads that serve requests go first, where there are fewer processors than threads. Call it in a thread: on Linux 0 is the thread itself, elsewhere it would
 * be the whole process.
 */
export function lowerPriority(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, 10);
  } catch {
    // Not allowed here: then all threads are equal.
  }
}
