/** A version as npm and pip both read it: three numbers (semver.org, without pre-releases and build names). */
const version = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)$/;

export interface ChangeLog {
  /** The text with the day of the release in its heading. */
  readonly text: string;
  /** The lines of the release. */
  readonly section: string;
}

/**
 * Dates the section of a version, which was written with the changes: `## 0.2.0 (unreleased)`.
 * @throws Error if the version is no semantic one, is not newer than the one before, or has no section with changes.
 */
export function releaseChanges(text: string, name: string, day: string): ChangeLog {
  if (!version.test(name)) throw new Error(`package.json: "${name}" is not a version of three numbers.`);
  const headings = [...text.matchAll(/^## (\S+)(?: \((.*)\))?$/gm)];
  const own = headings.findIndex(([, found]) => found === name);
  if (own < 0) throw new Error(`CHANGELOG.md has no section "## ${name} (unreleased)".`);
  const before = headings[own + 1];
  if (before !== undefined && !isNewer(name, before[1]!))
    throw new Error(`${name} is not newer than ${before[1]!}, the release before it.`);
  const heading = headings[own]!;
  const begin = heading.index + heading[0].length;
  const section = text.slice(begin, before?.index).trim();
  if (section === "") throw new Error(`CHANGELOG.md: the section of ${name} is empty.`);
  const dated = heading[2] === "unreleased" ? `## ${name} (${day})` : heading[0];
  return { text: text.slice(0, heading.index) + dated + text.slice(begin), section };
}

function isNewer(name: string, other: string): boolean {
  const [own, before] = [name, other].map((each) => each.split(".").map(Number));
  const differing = own!.findIndex((part, i) => part !== before![i]);
  return differing >= 0 && own![differing]! > before![differing]!;
}
