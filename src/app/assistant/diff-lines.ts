/** Unchanged lines around a change. */
const context = 2;

/** The lines that differ, marked with `-` and `+`, and a few around them; `…` for what is between. */
export function diffLines(before: string, after: string): string[] {
  const old = linesOf(before);
  const fresh = linesOf(after);
  const steps = stepsOf(old, fresh);
  const isNear = steps.map((_, at) => steps.slice(Math.max(0, at - context), at + context + 1).some(({ mark }) => mark !== " "));
  const shown: string[] = [];
  for (const [at, { mark, text }] of steps.entries()) {
    if (isNear[at] === true) shown.push(`${mark} ${text}`);
    else if (at > 0 && isNear[at - 1] === true && isNear.indexOf(true, at) >= 0) shown.push("  …");
  }
  return shown;
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

interface Step {
  readonly mark: " " | "-" | "+";
  readonly text: string;
}

/** The common lines at both ends stay; what is between is compared by its longest common lines. */
function stepsOf(old: readonly string[], fresh: readonly string[]): Step[] {
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++;
  let end = 0;
  while (end < old.length - start && end < fresh.length - start && old.at(-1 - end) === fresh.at(-1 - end)) end++;
  const same = (text: string): Step => ({ mark: " ", text });
  return [
    ...old.slice(0, start).map(same),
    ...middleSteps(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)),
    ...old.slice(old.length - end).map(same),
  ];
}

/** A larger difference is shown as all the old lines, and all the new ones. */
const maxCells = 4_000_000;

function middleSteps(old: readonly string[], fresh: readonly string[]): Step[] {
  if (old.length * fresh.length > maxCells) {
    return [...old.map((text): Step => ({ mark: "-", text })), ...fresh.map((text): Step => ({ mark: "+", text }))];
  }
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(fresh.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      common[i]![j] = old[i] === fresh[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const steps: Step[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      steps.push({ mark: " ", text: old[i++]! });
      j++;
    } else if (i < old.length && (j === fresh.length || common[i + 1]![j]! >= common[i]![j + 1]!)) {
      steps.push({ mark: "-", text: old[i++]! });
    } else {
      steps.push({ mark: "+", text: fresh[j++]! });
    }
  }
  return steps;
}
