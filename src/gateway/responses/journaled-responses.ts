import { setTimeout as delay } from "node:timers/promises";
import { BoundedWait, NoAnswer, type Clock } from "../../core/index.ts";
import type { LedgerService } from "../../ledger/index.ts";
import type { ChainBounds, ChainTurn, StoredResponse, KnownResponse, ResponseChain, ResponseStore } from "../../store/index.ts";
import { databaseUnavailable } from "../errors/database-unavailable.ts";
import { PendingResponses, type PendingResponse } from "./pending-responses.ts";

export interface JournaledResponsesDeps {
  /** In the database. */
  readonly responses: ResponseStore;
  readonly ledger: Pick<LedgerService, "keep">;
  readonly clock: Clock;
  /** How long responses are kept. */
  readonly lifetimeMs: () => number;
  /** Other processes write to the database, too. */
  readonly isShared: () => boolean;
  /** How long an answer of the database is waited for; 1,000. */
  readonly timeoutMs?: number;
}

/** A provider's id that is longer is not remembered: no database's index takes any length. */
const maxIdChars = 500;
/** What another process has just kept is in the database a moment later: the pauses before each further look, in milliseconds. */
const looksMs = [25, 50, 100, 200] as const;

/**
 * Stored responses that no answer waits for the database with: what is kept goes into the ledger's journal, and from there into the database. Until it is there
 * this process reads it from memory. What the database has to be asked for while it is away is a 503 `database_unavailable`.
 */
export function createJournaledResponses(deps: JournaledResponsesDeps): ResponseStore {
  return new JournaledResponses(deps);
}

class JournaledResponses implements ResponseStore {
  readonly #deps: JournaledResponsesDeps;
  readonly #pending = new PendingResponses();
  /** Apart from each other: SQLite answers what is read while another program holds the lock to write. */
  readonly #reads: BoundedWait;
  readonly #writes: BoundedWait;

  constructor(deps: JournaledResponsesDeps) {
    const { timeoutMs = 1000, clock } = deps;
    this.#deps = deps;
    this.#reads = new BoundedWait(timeoutMs, clock);
    this.#writes = new BoundedWait(timeoutMs, clock);
  }

  async record(owner: Parameters<ResponseStore["record"]>[0], options?: { readonly unbilled?: boolean }): Promise<void> {
    if (owner.id.length > maxIdChars) return;
    await this.#insert({ owner, createdMs: this.#deps.clock.now(), unbilled: options?.unbilled === true, body: null });
  }

  async hold(owner: Parameters<ResponseStore["hold"]>[0], body: Parameters<ResponseStore["hold"]>[1]): Promise<boolean> {
    if (this.#get(owner.id) !== undefined) return false;
    await this.#insert({ owner, createdMs: this.#deps.clock.now(), unbilled: false, body });
    return true;
  }

  async conclude(id: string, ...[status, response]: Tail<Parameters<ResponseStore["conclude"]>>): Promise<boolean> {
    if (!this.#pending.conclude(id, status, response)) return false;
    await this.#deps.ledger.keep({ kind: "conclude", id, status, response }, () => {
      this.#pending.written(id);
    });
    return true;
  }

  async find(id: string): Promise<KnownResponse | undefined> {
    const pending = this.#get(id)?.inserted;
    if (pending !== undefined) return { ...pending.owner, isStored: pending.body !== null, unbilled: pending.unbilled };
    return await this.#look(() => this.#deps.responses.find(id));
  }

  async read(id: string): Promise<StoredResponse | undefined> {
    const pending = this.#get(id);
    if (pending?.inserted !== undefined) return responseOf(pending);
    const held = await this.#look(() => this.#deps.responses.read(id));
    return held && withConclusion(held, pending);
  }

  async chain(id: string, userId: string, bounds: ChainBounds): Promise<ResponseChain> {
    const own: ChainTurn[] = [];
    let chars = 0;
    let next: string | undefined = id;
    for (let held = this.#pendingBy(userId, next); held !== undefined; held = this.#pendingBy(userId, next)) {
      const { placeholders } = held;
      own.unshift({
        id: held.id,
        status: held.status,
        input: held.input,
        response: held.response,
        ...(placeholders === undefined ? {} : { placeholders }),
      });
      chars += held.input.length + held.response.length;
      if (own.length > bounds.maxTurns || chars > bounds.maxChars) return { problem: "too-long" };
      next = held.previousId;
    }
    if (next === undefined) return { turns: own };
    const rest = { maxTurns: bounds.maxTurns - own.length, maxChars: bounds.maxChars - chars };
    const chain = await ask(this.#reads, () => this.#deps.responses.chain(next, userId, rest));
    if ("problem" in chain) return chain;
    return { turns: [...chain.turns.map((turn) => withConclusion(turn, this.#pending.get(turn.id))), ...own] };
  }

  async forget(id: string): Promise<void> {
    // An insert that is still on its way would bring it back.
    await ask(this.#writes, async () => {
      await this.#pending.settled(id);
      await this.#deps.responses.forget(id);
    });
  }

  async running(ids: readonly string[], touch: boolean): Promise<ReadonlySet<string>> {
    const running = new Set(await ask(touch ? this.#writes : this.#reads, () => this.#deps.responses.running(ids, touch)));
    for (const id of ids) {
      const pending = this.#pending.get(id);
      if (pending?.concluded !== undefined) running.delete(id);
      else if (pending?.inserted !== undefined) running.add(id);
    }
    return running;
  }

  async claimBill(id: string): Promise<boolean> {
    return await ask(this.#writes, async () => {
      await this.#pending.settled(id);
      return await this.#deps.responses.claimBill(id);
    });
  }

  returnBill(id: string): Promise<void> {
    return ask(this.#writes, () => this.#deps.responses.returnBill(id));
  }

  sweep(limit: number): Promise<number> {
    return this.#deps.responses.sweep(limit);
  }

  async #insert(inserted: NonNullable<PendingResponse["inserted"]>): Promise<void> {
    const { id } = inserted.owner;
    this.#pending.insert(inserted);
    await this.#deps.ledger.keep({ kind: "insert", ...inserted }, () => {
      this.#pending.written(id);
    });
  }

  #pendingBy(userId: string, id: string | undefined): StoredResponse | undefined {
    const pending = id === undefined ? undefined : this.#get(id);
    return pending?.inserted?.owner.userId === userId ? responseOf(pending) : undefined;
  }

  /** What is past its lifetime is not found. */
  #get(id: string): PendingResponse | undefined {
    const pending = this.#pending.get(id);
    const { clock, lifetimeMs } = this.#deps;
    return pending?.inserted !== undefined && pending.inserted.createdMs < clock.now() - lifetimeMs() ? undefined : pending;
  }

  /** Looks again for a while if another process may have stored it just now. */
  #look<Found>(read: () => Promise<Found | undefined>): Promise<Found | undefined> {
    return ask(this.#reads, async () => {
      let found = await read();
      if (!this.#deps.isShared()) return found;
      for (const pauseMs of looksMs) {
        if (found !== undefined) break;
        await delay(pauseMs);
        found = await read();
      }
      return found;
    });
  }
}

/** @throws GatewayError `database_unavailable` if no answer comes in time; the database's own error. */
async function ask<Answer>(wait: BoundedWait, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await wait.for(question);
  } catch (error) {
    throw error instanceof NoAnswer ? databaseUnavailable(error) : error;
  }
}

type Tail<List extends readonly unknown[]> = List extends readonly [unknown, ...infer Rest] ? Rest : never;

/** `undefined` if it lies at its provider. */
function responseOf({ inserted, concluded }: PendingResponse): StoredResponse | undefined {
  if (inserted === undefined || inserted.body === null) return undefined;
  return withConclusion({ ...inserted.owner, ...inserted.body, touchedMs: inserted.createdMs }, { concluded });
}

/** How it ended, if the database does not know that yet. */
function withConclusion<Turn extends Pick<ChainTurn, "status" | "response">>(
  turn: Turn,
  pending: Pick<PendingResponse, "concluded"> | undefined,
): Turn {
  return pending?.concluded === undefined || turn.status !== "in_progress" ? turn : { ...turn, ...pending.concluded };
}
