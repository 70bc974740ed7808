/** What one executable is started as. */
export type Role = "tokligence" | "tokligence-daemon" | "worker";

const roles: Readonly<Record<string, Role>> = {
  tokligence: "tokligence",
  tgw: "tokligence",
  "tokligence-daemon": "tokligence-daemon",
  tokligenced: "tokligence-daemon",
  worker: "worker",
};

/** By `--as=ROLE`, which comes first, else by the name that it was called by, as a link to it may have another one. @param argv0 as the caller wrote it. */
export function readRole(argv0: string, args: readonly string[]): { readonly role: Role; readonly args: readonly string[] } {
  const [first = "", ...rest] = args;
  const named = first.startsWith("--as=") ? roles[first.slice("--as=".length)] : undefined;
  if (named !== undefined) return { role: named, args: rest };
  const name = argv0
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.exe$/i, "");
  const called = roles[name];
  return { role: called === undefined || called === "worker" ? "tokligence" : called, args };
}
