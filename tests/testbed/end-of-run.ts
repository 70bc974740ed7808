import { after } from "node:test";

const closers: (() => Promise<void>)[] = [];
let isManaged = false;

/** Closes something that the tests of several files share: at the end of the run, and not of the file that opened it. Called while a module is loaded. */
export function atEndOfRun(close: () => Promise<void>): void {
  closers.push(close);
  if (!isManaged) after(close);
}

/** `scripts/test-files.ts` gives each file its own suite: hooks that a file registers run around its own tests alone. */
export function manageRun(): void {
  isManaged = true;
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });
}
