/** The name of a format of output: the wire demands one, of the same letters as a function's. */
export function formatName(name: string | undefined): string {
  return (name ?? "response").replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64) || "response";
}
