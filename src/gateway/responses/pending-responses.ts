import type { KeptChange } from "../../store/index.ts";

type Insert = Extract<KeptChange, { kind: "insert" }>;
type Conclusion = Extract<KeptChange, { kind: "conclude" }>;

/** What the database does not have yet of one stored response. */
export interface PendingResponse {
  readonly inserted: Omit<Insert, "kind"> | undefined;
  readonly concluded: Pick<Conclusion, "status" | "response"> | undefined;
}

interface Entry {
  inserted: PendingResponse["inserted"];
  concluded: PendingResponse["concluded"];
  /** Changes that the database does not have. */
  left: number;
  settled: PromiseWithResolvers<void> | undefined;
}

/** Changes of stored responses that are on their way into the database, by id. */
export class PendingResponses {
  readonly #entries = new Map<string, Entry>();

  get(id: string): PendingResponse | undefined {
    return this.#entries.get(id);
  }

  /** The first insert of an id counts. */
  insert(inserted: NonNullable<PendingResponse["inserted"]>): void {
    const entry = this.#entryOf(inserted.owner.id);
    entry.inserted ??= inserted;
    entry.left += 1;
  }

  /** @returns false if it is known to have ended: then nothing has changed. */
  conclude(id: string, status: Conclusion["status"], response: string): boolean {
    const known = this.#entries.get(id);
    if (known?.concluded !== undefined) return false;
    if (known?.inserted?.body !== undefined && known.inserted.body?.status !== "in_progress") return false;
    const entry = this.#entryOf(id);
    entry.concluded = { status, response };
    entry.left += 1;
    return true;
  }

  /** The database has one of the changes. */
  written(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || --entry.left > 0) return;
    this.#entries.delete(id);
    entry.settled?.resolve();
  }

  /** Resolves when the database has all changes of the response. */
  settled(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return Promise.resolve();
    entry.settled ??= Promise.withResolvers<void>();
    return entry.settled.promise;
  }

  #entryOf(id: string): Entry {
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const made: Entry = { inserted: undefined, concluded: undefined, left: 0, settled: undefined };
    this.#entries.set(id, made);
    return made;
  }
}
