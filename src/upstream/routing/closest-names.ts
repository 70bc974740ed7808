/** Longer names are skipped: a misspelt name is shorter, and the work stays limited. */
const longestName = 80;
const mostCandidates = 5_000;

/**
 * Up to `count` of the known names that a misspelt one may have meant, best first: names that differ only in capitals and punctuation, names of which
 * one continues the other, or names with at most two changed letters.
 */
export function closestNames(name: string, known: Iterable<string>, count: number): string[] {
  if (name.length > longestName) return [];
  const plain = plainName(name);
  const found: { readonly name: string; readonly distance: number }[] = [];
  let looked = 0;
  for (const candidate of known) {
    if (++looked > mostCandidates) break;
    if (candidate.length > longestName || candidate === name) continue;
    const distance = distanceOf(plain, plainName(candidate));
    if (distance !== undefined) found.push({ name: candidate, distance });
  }
  return found
    .toSorted((a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map((entry) => entry.name);
}

function distanceOf(a: string, b: string): number | undefined {
  if (a === b) return 0;
  const edits = editDistance(a, b, 2);
  if (edits !== undefined) return edits;
  const shorter = a.length < b.length ? a : b;
  const longer = a.length < b.length ? b : a;
  return shorter.length >= 3 && longer.startsWith(shorter) ? 3 : undefined;
}

/** Number of letters that are changed, omitted, added or swapped with their neighbour (Damerau–Levenshtein), or `undefined` if more than `most`. */
function editDistance(a: string, b: string, most: number): number | undefined {
  if (Math.abs(a.length - b.length) > most || Math.min(a.length, b.length) <= most) return undefined;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (swapped) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
      best = Math.min(best, cost);
    }
    if (best > most) return undefined;
    before = previous;
    previous = row;
  }
  const distance = previous[b.length]!;
  return distance <= most ? distance : undefined;
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}
