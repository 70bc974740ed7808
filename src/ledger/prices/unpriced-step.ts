import type { IngestStep } from "../entries/sink.ts";

/** A step of ingestion that reports models whose entries have tokens and no cost. @param noticed is called for each such entry. */
export function createUnpricedStep(noticed: (provider: string, model: string, timeMs: number) => void): IngestStep {
  return (_transaction, rows) => {
    for (const row of rows) {
      const isUsed = row.direction === "consume" && row.provider !== "" && (row.input_tokens !== null || row.output_tokens !== null);
      if (row.cost_nano_usd === null && isUsed)
        noticed(row.provider, row.model_served === "" ? row.model_asked : row.model_served, row.time_ms);
    }
    return Promise.resolve();
  };
}
