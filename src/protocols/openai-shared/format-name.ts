/** The name of an output format: the wire requires one, of the same letters as a function's name. */
export function formatName(name: string | undefined): string {
  return (name ?? "response").replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64) || "response";
}
