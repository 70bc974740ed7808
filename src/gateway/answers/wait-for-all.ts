/** Waits for both, and fails with the first that fails; `undefined` if there is nothing to wait for. */
export function waitForAll(one: Promise<unknown> | undefined, other: Promise<unknown> | undefined): Promise<unknown> | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Promise.all([one, other]);
}
