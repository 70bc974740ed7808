import assert from "node:assert/strict";
import { test } from "node:test";
import { createSignalHandler } from "./daemon-signals.ts";

/** What the signals lead to, each sent at its time in milliseconds. `gone`: the terminal that was there at the start is closed. */
function reactions(
  signals: readonly (readonly [atMs: number, signal: NodeJS.Signals])[],
  terminal: "none" | "open" | "gone" = "none",
): string[] {
  const seen: string[] = [];
  let now = 0;
  const handle = createSignalHandler({
    now: () => now,
    hadTerminal: terminal !== "none",
    hasTerminal: () => terminal === "open",
    drain: (signal) => seen.push(`drain ${signal}`),
    endAtOnce: () => seen.push("end at once"),
    reload: () => seen.push("reload"),
  });
  for (const [atMs, signal] of signals) {
    now = atMs;
    handle(signal);
  }
  return seen;
}

test("SIGHUP reloads without a terminal and with an open one, and drains when the terminal is gone", () => {
  const twice = [
    [0, "SIGHUP"],
    [10, "SIGHUP"],
  ] as const;
  assert.deepEqual(reactions(twice, "none"), ["reload", "reload"]);
  assert.deepEqual(reactions(twice, "open"), ["reload", "reload"]);
  assert.deepEqual(reactions(twice, "gone"), ["drain SIGHUP"]);
});

test("SIGHUP is no second signal, and does not reload a gateway that is ending", () => {
  const signals = [
    [0, "SIGTERM"],
    [1, "SIGHUP"],
    [900, "SIGHUP"],
  ] as const;
  for (const terminal of ["none", "open", "gone"] as const) assert.deepEqual(reactions(signals, terminal), ["drain SIGTERM"]);
});

test("one Ctrl-C that arrives twice, as a launcher forwards it, is one; a later one ends at once", () => {
  const signals = [
    [0, "SIGINT"],
    [20, "SIGINT"],
    [240, "SIGINT"],
  ] as const;
  assert.deepEqual(reactions(signals, "open"), ["drain SIGINT"]);
  assert.deepEqual(reactions([...signals, [600, "SIGINT"]], "open"), ["drain SIGINT", "end at once"]);
});

test("a second signal of the other kind ends at once, however soon", () => {
  const signals = [
    [0, "SIGTERM"],
    [1, "SIGINT"],
  ] as const;
  assert.deepEqual(reactions(signals), ["drain SIGTERM", "end at once"]);
});

test("after the terminal is gone the drain can be cut short by a signal", () => {
  const signals = [
    [0, "SIGHUP"],
    [1, "SIGTERM"],
  ] as const;
  assert.deepEqual(reactions(signals, "gone"), ["drain SIGHUP", "end at once"]);
});
