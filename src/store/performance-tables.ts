/** How models do: see `migrations/0020-performance.ts`. */
export interface PerformanceTables {
  performance_hours: PerformanceHoursTable;
  performance_changes: PerformanceChangesTable;
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
