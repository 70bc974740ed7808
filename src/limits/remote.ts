/** What one request takes from one limit, without units, so that the place where limits are shared knows nothing of amounts. */
export interface TakenPart {
  readonly name: string;
  /** 0 for slots. */
  readonly periodMs: number;
  /** How long the bucket takes to fill up by what is taken; of slots: how many this process has, with this one. */
  readonly cost: number;
  /** Of slots: the most that all processes may have. */
  readonly most: number;
}

/** The answer: whether the request may go on, and the state of each of its limits after that. */
export interface TakenAnswer {
  readonly isAdmitted: boolean;
  /** In the order of the parts: milliseconds until the bucket is full; of slots: how many other processes have. */
  readonly states: readonly number[];
  /** How many processes are alive, if that is known without another question. */
  readonly processes?: number;
}

export interface Adjustment {
  readonly name: string;
  readonly periodMs: number;
  readonly deltaMs: number;
}

/** The slots that this process has. */
export interface OwnSlots {
  readonly name: string;
  readonly count: number;
}

export interface Level {
  readonly name: string;
  /** Milliseconds until the bucket is full. */
  readonly usedMs: number;
}

/** Where processes share their limits: the primary process, Redis, PostgreSQL. */
export interface LimitRemote {
  /** For people: `Redis`. */
  readonly title: string;
  /** One atomic step: from all limits or from none. */
  take(parts: readonly TakenPart[]): Promise<TakenAnswer>;
  /** What requests that are over have given back, or used beyond what they reserved. Nothing is answered; if it is lost, no harm is done. */
  settle(adjustments: readonly Adjustment[], slots: readonly OwnSlots[]): void;
  /** Writes levels that are higher than those that are there, after it was away. */
  raise(levels: readonly Level[]): Promise<void>;
  /** Says that this process is alive and which slots it has. @returns the names of all processes that are alive. */
  beat(slots: readonly OwnSlots[]): Promise<readonly string[]>;
  close(): void;
}

/** A process that has not been heard of for this time is dead, and its slots are free. */
export const nodeLifeMs = 15_000;
export const beatMs = 3000;
/** Debts end somewhere, here as in `Bucket`. */
export const mostPeriods = 10;
