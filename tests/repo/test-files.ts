/** Whether a file under `src` holds tests, or helpers for tests (`testing.ts`, `store-testing.ts`). The build leaves both out. */
export function isTestFile(path: string): boolean {
  return /(?:\.test|(?:^|[\\/-])testing)\.ts$/.test(path);
}
