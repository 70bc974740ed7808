import { readFileSync } from "node:fs";

/** The package's version. */
export function readVersion(): string {
  // `src/app` and `dist/app` lie equally deep.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}
