/** How models do: see `migrations/0020-performance.ts` and `0030-canaries.ts`. */
export interface PerformanceTables {
  performance_hours: PerformanceHoursTable;
  performance_changes: PerformanceChangesTable;
  canary_turns: CanaryTurnsTable;
  canary_answers: CanaryAnswersTable;
}

/** Primary key: all columns but `counts`. A row with three empty names says that its hour has been counted. */
export interface PerformanceHoursTable {
  start_ms: number;
  provider: string;
  /** The provider's name of the model. */
  model: string;
  /** "" if none is reported. */
  region: string;
  /** JSON: `HourCounts`. */
  counts: string;
}

export interface PerformanceChangesTable {
  id: string;
  found_ms: number;
  since_ms: number;
  provider: string;
  model: string;
  region: string;
  measure: string;
  /** Of the measures `finish_reason` and `model_served`: which one; otherwise "". */
  name: string;
  /** JSON: `StoredChange`. */
  change: string;
}

/** When a target is asked next. Primary key (provider, model). */
export interface CanaryTurnsTable {
  provider: string;
  model: string;
  /** How often it was asked. A process asks it after it has raised this number. */
  turn: number;
  next_ms: number;
}

/** A target's answer to a canary. */
export interface CanaryAnswersTable {
  request_id: string;
  time_ms: number;
  provider: string;
  model: string;
  region: string;
  /** The id of the prompt. */
  prompt: string;
  /** 1 or 0; `null`: it has no right answer. */
  is_right: number | null;
  /** A short form of the answer. */
  answer: string;
  /** JSON: the probabilities of the first token, by token; `null`: the provider gave none. */
  probabilities: string | null;
}
