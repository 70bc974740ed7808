import { parseArgs } from "node:util";

import { LEAST_ROUNDS } from "./comparison.ts";
import type { TargetName } from "./targets.ts";
import { TARGET_NAMES } from "./targets.ts";
import type { WorkloadName } from "./workloads.ts";
import { WORKLOAD_NAMES } from "./workloads.ts";

export interface Options {
  readonly workloads: readonly WorkloadName[];
  readonly targets: readonly TargetName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmup: number;
  /** The most foreign CPU time a window may have had, in cores. */
  readonly maxForeign: number;
  /** A commit whose gateway is measured beside this one; `targets` then has both. */
  readonly against: string | undefined;
  /** Measure what a request allocates, and no times. */
  readonly garbage: boolean;
  /** Measure what is added to the time of a request while there is little load. */
  readonly latency: boolean;
  /** Put what was measured into history.json, under this tree's version. */
  readonly record: boolean;
  /** Where the JSON goes; undefined: a file named after the time, in bench/results/. */
  readonly json: string | undefined;
}

const DEFAULT_ROUNDS = 5;

export const USAGE = `node bench/run.ts [--workloads ${WORKLOAD_NAMES.join(",")}] [--targets gateway,nginx,direct] [--rounds 5] [--seconds 4]
                  [--warmup 8] [--max-foreign 0.1] [--json FILE]
                  [--against COMMIT] [--garbage [--record]] [--latency]
targets: ${TARGET_NAMES.join(", ")}`;

function names<T extends string>(flag: string, text: string, known: readonly T[]): T[] {
  return text.split(",").map((name) => {
    const found = known.find((candidate) => candidate === name.trim());
    if (found === undefined) throw new Error(`--${flag}: "${name}" is none of ${known.join(", ")}`);
    return found;
  });
}

function within(flag: string, text: string, [least, most]: readonly [number, number], whole: boolean): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    throw new Error(`--${flag}: "${text}" is not ${whole ? "a whole number" : "a number"} from ${least} to ${most}`);
  }
  return value;
}

function defaultTargets({
  against,
  garbage,
  latency,
}: {
  readonly against?: string;
  readonly garbage: boolean;
  readonly latency: boolean;
}): string {
  if (latency) return "gateway,direct";
  return against === undefined && !garbage ? "gateway,nginx,direct" : "gateway";
}

/** Reads the command line. Throws with one line that says which argument is wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: "string", default: WORKLOAD_NAMES.join(",") },
      targets: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string", default: "4" },
      warmup: { type: "string", default: "8" },
      "max-foreign": { type: "string", default: "0.1" },
      json: { type: "string" },
      against: { type: "string" },
      garbage: { type: "boolean", default: false },
      latency: { type: "boolean", default: false },
      record: { type: "boolean", default: false },
    },
  });
  const { against, garbage, latency, record } = values;
  if (record && !garbage) throw new Error("--record: only what --garbage measures is recorded");
  if (latency && (garbage || against !== undefined)) throw new Error("--latency: it is measured alone, beside direct");
  const defaultRounds = against === undefined || garbage ? DEFAULT_ROUNDS : LEAST_ROUNDS;
  const targets = names("targets", values.targets ?? defaultTargets(values), TARGET_NAMES);
  return {
    workloads: names("workloads", values.workloads, WORKLOAD_NAMES),
    targets: against === undefined ? targets : ["gateway", "against", ...targets.filter((name) => name !== "gateway")],
    rounds: within("rounds", values.rounds ?? String(defaultRounds), [1, 50], true),
    seconds: within("seconds", values.seconds, [1, 60], true),
    warmup: within("warmup", values.warmup, [1, 60], true),
    maxForeign: within("max-foreign", values["max-foreign"], [0, 2], false),
    against,
    garbage,
    latency,
    record,
    json: values.json,
  };
}
