/** Waits for all of them, and fails with the first that fails; `undefined` where there is nothing to wait for. Mostly it is the ledger alone. */
export function allDone(...waits: readonly (Promise<unknown> | undefined)[]): Promise<unknown> | undefined {
  const open = waits.filter((wait) => wait !== undefined);
  return open.length < 2 ? open[0] : Promise.all(open);
}
