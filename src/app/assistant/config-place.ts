import { loadSettings, type LoadInput, type Origin } from "../config/index.ts";

/** Which configuration the assistant works with. */
export type ConfigPlace = Pick<LoadInput, "path" | "env" | "homeDir">;

/** Where the values below a section come from, by setting. Values that are not listed are defaults. */
export function readAllSources(place: ConfigPlace, section: string): Readonly<Record<string, string>> {
  const { sources } = loadSettings(place);
  const below = [...sources].filter(([path]) => section === "" || path === section || path.startsWith(`${section}.`));
  return Object.fromEntries(below.map(([path, origin]) => [path, originText(origin)]));
}

function originText(origin: Origin): string {
  switch (origin.kind) {
    case "file":
      return `${origin.file}:${origin.line}`;
    case "environment":
      return `variable ${origin.name}`;
    case "argument":
      return `argument ${origin.name}`;
    case "program":
      return "a program";
  }
}
