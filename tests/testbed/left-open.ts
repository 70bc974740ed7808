import { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { Server, Socket } from "node:net";
import type { TestEvent } from "node:test/reporters";
import { setTimeout } from "node:timers/promises";

/**
 * A reporter of Node's test runner (`--test-reporter`) that fails a run whose tests leave a server, a process, a connection or a timer open, and names
 * each: `--test-force-exit` alone hides them. It is a reporter because the runner waits for its reporters after the last hook of the last file, and for
 * nothing else. It also fails a run in which a hook of a file failed, for which the runner alone ends with 0.
 */

/** What is closed as the last test ends may need some turns of the event loop to be gone. */
const graceMs = 2000;

const stacks = new WeakMap<object, string>();

// They are published within the call that opens, so that its stack has the test's file.
subscribe("tracing:net.server.listen:asyncStart", (message) => noteStack((message as { readonly server: object }).server));
subscribe("net.client.socket", (message) => noteStack((message as { readonly socket: object }).socket));
subscribe("child_process", (message) => noteStack((message as { readonly process: object }).process));

// oxlint-disable-next-line import/no-default-export -- the runner wants a reporter as one
export default async function* reportLeftOpen(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type } of events) if (type === "test:fail") process.exitCode = 1;
  const endMs = performance.now() + graceMs;
  while (leftOpen().length > 0 && performance.now() < endMs) await setTimeout(20);
  const left = leftOpen();
  if (left.length === 0) return;
  process.exitCode = 1;
  yield `\nThe tests left open: ${left.join(", ")}\n${describeHandles().join("")}`;
}

/** Types of what keeps this process alive, beside its standard streams. */
function leftOpen(): string[] {
  let streams = 3;
  return process.getActiveResourcesInfo().filter((type) => !((type === "PipeWrap" || type === "TTYWrap") && streams-- > 0));
}

function describeHandles(): string[] {
  // No public API has the objects; the types above are what decides.
  const { _getActiveHandles: activeHandles } = process as unknown as { readonly _getActiveHandles?: () => readonly object[] };
  return (activeHandles?.() ?? []).flatMap((handle) => {
    const name = nameOf(handle);
    // A server did not open the connections that it accepted: the place where it began to listen is more useful.
    const { server } = handle as { readonly server?: object };
    return name === undefined ? [] : [`  ${name}\n${stacks.get(handle) ?? stacks.get(server ?? handle) ?? ""}`];
  });
}

function nameOf(handle: object): string | undefined {
  if (handle instanceof Server) return `a server on ${JSON.stringify(handle.address())}`;
  if (handle instanceof ChildProcess) return `a process, pid ${handle.pid}: ${handle.spawnargs.join(" ").slice(0, 200)}`;
  if (handle instanceof Socket && handle.remotePort !== undefined)
    return `a connection from port ${handle.localPort} to ${handle.remotePort}`;
  return undefined;
}

function noteStack(opened: object): void {
  const frames = (new Error("opened").stack ?? "").split("\n").filter((line) => !/node:|left-open\.ts/.test(line));
  stacks.set(opened, frames.slice(1).join("\n").concat("\n"));
}
