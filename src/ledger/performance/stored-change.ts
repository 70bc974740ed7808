import type { SeriesName } from "./count-hour.ts";
import type { Change } from "./find-changes.ts";
import { measures, type Measure } from "./measures.ts";

/** A change of a model that was found, as it is stored and shown. */
export interface ModelChange extends SeriesName, StoredChange {
  readonly foundMs: number;
  readonly sinceMs: number;
  readonly measure: Measure;
  /** Of `finish_reason` and `model_served`: which one; otherwise "". */
  readonly name: string;
}

export type StoredChange = Pick<Change, "before" | "after" | "windowHours" | "p">;

function isCanary(measure: Measure): boolean {
  return measure === "canary_right" || measure === "canary_answers";
}

/** `stream_speed`, `finish_reason stop`. */
export function subjectOfChange({ measure, name }: Pick<ModelChange, "measure" | "name">): string {
  return name === "" ? measure : `${measure} ${name}`;
}

/** A quantity in its unit: `412 ms`, `97.1 %`. */
export function amountText(measure: Measure, value: number): string {
  const { kind, unit } = measures[measure];
  if (kind === "share") return `${(value * 100).toFixed(1)} ${unit}`;
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** By how much: `-23 %` of a quantity, `+4.1 points` of a share. */
export function differenceText({ measure, before, after }: Pick<ModelChange, "measure" | "before" | "after">): string {
  const isShare = measures[measure].kind === "share";
  const difference = isShare ? (after - before) * 100 : (after / before - 1) * 100;
  return `${difference >= 0 ? "+" : ""}${isShare ? `${difference.toFixed(1)} points` : `${Math.round(difference)} %`}`;
}

/** One sentence. It says what is different, not why: what clients ask for may have changed as well. */
export function changeSentence(change: ModelChange): string {
  const { provider, model, region, measure, name, before, after, sinceMs, windowHours, p } = change;
  const label = `${measures[measure].label}${name === "" ? "" : ` "${name}"`}`;
  const since = new Date(sinceMs).toISOString().slice(0, 16).replace("T", " ");
  const sure = p < 1e-6 ? "less than one in a million" : `at most ${p.toPrecision(1)}`;
  return (
    `${provider}/${model}${region === "" ? "" : ` (${region})`} changed: ${label} ${amountText(measure, after)} instead of ${amountText(measure, before)} ` +
    `(${differenceText(change)}) since about ${since} UTC, by the last ${windowHours} hours against ${isCanary(measure) ? "the weeks before" : "the same hours of earlier weeks"}; chance that it is noise: ${sure}.`
  );
}
