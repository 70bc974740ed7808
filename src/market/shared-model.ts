/** A model that this gateway shares, as people see it. */
export interface SharedModel {
  readonly model: string;
  readonly provider: string;
  readonly upstream_model: string;
  readonly input_usd: string;
  readonly output_usd: string;
  readonly cache_read_usd: string;
  readonly licence: string;
  readonly source: string;
  /** Of a vendor's API: the contract that allows to resell it. */
  readonly contract: string | null;
  readonly concurrency: number;
  /** How its price follows something: fixed, margin or follow. */
  readonly rule: string;
  /** Windows of UTC in which it is sold; empty: always. */
  readonly hours: readonly string[];
  /** Requests that would be taken now. */
  readonly free: number;
}
