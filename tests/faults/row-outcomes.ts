import { systemSchedule } from "../../src/core/index.ts";
import type { Socket } from "node:net";
import type { Journal, LedgerSink, UsageRow } from "../../src/ledger/index.ts";
import { createFileJournal } from "../../src/ledger/index.ts";
import { announcementsOver } from "../e2e/both-ways.ts";
import { providerKeys, startGateway, withMockUpstream, type TestGateway } from "../e2e/harness.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Scenario, ScenarioTrouble } from "../testbed/scenario.ts";
import { createRandom, SimulatedDisk } from "../testbed/simulated-disk.ts";
import { SimulatedSocket } from "../testbed/simulated-socket.ts";
import { readEventData } from "../testbed/sse-reference.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { dialects, type Dialect } from "./dialects.ts";

/** What a client has got: all of a good answer, an error as the answer, a broken answer, or nothing. */
export type Got = "whole" | "error" | "part" | "nothing";

/** A request, what was planned to go wrong with it, and what came of it. */
interface Case {
  readonly id: string;
  readonly dialect: Dialect;
  readonly model: string;
  readonly stream: boolean;
  readonly trouble: ScenarioTrouble | undefined;
  readonly words: number;
  /** Sent while the journal takes no records, too. */
  readonly isRefusable: boolean;
  /** So many writes, or syncs, of the journal fail from the start of the request on. */
  readonly failWrites: number;
  readonly failSyncs: number;
  /** So many of the next transactions of the database fail. */
  readonly failTransactions: number;
  readonly socket: Pick<ConstructorParameters<typeof SimulatedSocket>[0], "systemBytes" | "leavesAfterBytes" | "leavesAfterTurns"> & {
    readonly most: number;
  };
}

export interface OutcomeFigures {
  readonly requests: number;
  /** Requests with which something went wrong. */
  readonly faults: number;
  /** Requests by what their clients got and what their rows say, e.g. `whole ok`; `none`: there is no row. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Rows that say something else than what the client got. */
  readonly wrong: readonly string[];
}

/** Turns of the event loop that a request may take. */
const maxTurns = 20_000;

/**
 * Sends requests amid random faults of upstream, client, journal and database, and compares what each client got with what the ledger's row says.
 * @param width requests under way at a time.
 */
export async function compareRowOutcomes(options: {
  readonly requests: number;
  readonly seed: number;
  readonly durability: "power" | "process";
  readonly width: number;
}): Promise<OutcomeFigures> {
  const { requests, seed, durability, width } = options;
  const random = createRandom(seed);
  const disk = new SimulatedDisk({ random, schedule: systemSchedule, syncMs: () => Math.floor(random() * 3) });
  const cases = Array.from({ length: requests }, (_, i) => planCase(`out-${seed}-${i}`, random));
  const scenarios = new Map(cases.map((one) => [one.id, scenarioOf(one)]));
  const mock = await createMockUpstream({
    validate: false,
    apiKeys: Object.values(providerKeys),
    choose: (request) => scenarios.get(/out-\d+-\d+/.exec(textOf(request))?.[0] ?? "") ?? {},
  });
  const gateway = await startGateway({
    config: withMockUpstream(mock.url, `ledger: { durability: ${durability} }`),
    openJournal: ({ clock, logger, directory }) => openFlakyJournal(disk, { clock, logger, directory, durability }),
  });
  try {
    await announcementsOver(mock, Object.keys(providerKeys).length);
    const { key } = await gateway.createKey("alice");
    const database = failTransactions(gateway.gateway.sink);
    const got = new Map<string, Got>();
    const left = [...cases];
    const plays = Array.from({ length: width }, async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        // Requests that are refused at once are over before the journal is tried again.
        if (!one.isRefusable) await waitUntil("the journal takes records", () => gateway.gateway.ledger.healthy());
        disk.failWrites += one.failWrites;
        disk.failSyncs += one.failSyncs;
        database.failures += one.failTransactions;
        got.set(one.id, await play(gateway, key, one, random));
      }
    });
    await Promise.all(plays);
    disk.failWrites = 0;
    disk.failSyncs = 0;
    database.failures = 0;
    const { ledger } = gateway.gateway;
    await waitUntil("all rows are in the database", () => ledger.status().open === 0 && ledger.status().queued === 0);
    return compare(cases, got, await gateway.rows());
  } finally {
    await gateway.stop();
    await mock.close();
  }
}

type JournalParts = Pick<Parameters<typeof createFileJournal>[0], "clock" | "logger" | "directory" | "durability">;

function openFlakyJournal(disk: SimulatedDisk, parts: JournalParts): Journal {
  const lock = (): { release(): void } => ({ release: () => undefined });
  return createFileJournal({ ...parts, disk: disk.session(), name: "outcomes", lock, segmentBytes: 64 * 1024, retryMs: 3, syncMs: 2 });
}

function failTransactions(sink: LedgerSink): { failures: number } {
  const state = { failures: 0 };
  const write = sink.write.bind(sink);
  sink.write = (...batch) => {
    if (state.failures === 0) return write(...batch);
    state.failures -= 1;
    return Promise.reject(new Error("the database is away"));
  };
  return state;
}

function planCase(id: string, random: () => number): Case {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const below = (most: number): number => Math.floor(random() * most);
  const dialect = pick(dialects);
  const afterPieces = pick(["headers", 0, 1, 2, 5] as const);
  const pieces = typeof afterPieces === "number" ? afterPieces : 1;
  const trouble = pick<ScenarioTrouble | undefined>([
    ...Array.from({ length: 8 }, () => undefined),
    { kind: "error", error: { status: pick([400, 401, 429, 500]) } },
    { kind: "error-event", afterPieces: pieces, error: { status: 500 } },
    { kind: "cut", afterPieces },
    { kind: "hang", afterPieces },
  ]);
  const leaves = trouble?.kind === "hang" || random() < 0.5;
  return {
    id,
    dialect,
    model: pick([dialect.model, dialect.model, "gpt-mock", "claude-mock", "gemini-mock", "loopback"]),
    stream: random() < 0.6,
    trouble,
    words: pick([1, 20, 100, 400]),
    isRefusable: random() < 0.1,
    failWrites: random() < 0.06 ? 1 + below(6) : 0,
    failSyncs: random() < 0.06 ? 1 + below(4) : 0,
    failTransactions: random() < 0.1 ? 1 + below(2) : 0,
    socket: {
      systemBytes: pick([50, 500, 5000, 100_000]),
      most: pick([50, 500, 5000, 100_000]),
      leavesAfterBytes: leaves && random() < 0.6 ? pick([1, 300, 800, below(3000), below(12_000)]) : Infinity,
      leavesAfterTurns: leaves ? pick([0, below(20), below(100), below(400)]) : Infinity,
    },
  };
}

function scenarioOf({ words, trouble }: Case): Scenario {
  const text = Array.from({ length: words }, (_, i) => `word${i} `);
  return { text, ...(trouble === undefined ? {} : { trouble }) };
}

function textOf(request: RecordedRequest): string {
  return request.body.toString("latin1");
}

/** @returns what the client got. */
async function play(gateway: TestGateway, key: string, one: Case, random: () => number): Promise<Got> {
  const { dialect, id, model, stream } = one;
  const body = dialect.body(stream, `${id} ${"word ".repeat(one.words / 10)}`, model);
  const head = `POST ${dialect.path(stream, model)} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\nx-request-id: ${id}\r\nconnection: close\r\n`;
  const request = `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const socket = new SimulatedSocket({ ...one.socket, request, readBytes: () => 1 + Math.floor(random() * one.socket.most) });
  gateway.gateway.edge.adopt(socket as unknown as Socket);
  for (let turn = 0; !socket.destroyed && turn < maxTurns; turn++) {
    socket.turn(turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!socket.destroyed) throw new Error(`${JSON.stringify(one)} does not end`);
  return readOutcome(socket.taken, dialect, stream);
}

function readOutcome(taken: string, dialect: Dialect, stream: boolean): Got {
  const end = taken.indexOf("\r\n\r\n");
  if (end < 0) return "nothing";
  const head = taken.slice(0, end).toLowerCase();
  const rest = taken.slice(end + 4);
  const isGood = head.startsWith("http/1.1 200");
  const length = /content-length: (\d+)/.exec(head)?.[1];
  if (length !== undefined) {
    if (rest.length < Number(length)) return "part";
    return isGood ? "whole" : "error";
  }
  const body = unchunk(rest);
  if (body === undefined) return "part";
  const events = readEventData(Buffer.from(body, "latin1"));
  if (!stream || !events.some((data) => dialect.isTerminal(data))) return "error";
  const error = dialect.readStreamError(
    events.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data) as Record<string, unknown>),
    /\r\nx-request-id: (\S+)/.exec(head)?.[1],
  );
  return error === undefined ? "whole" : "error";
}

/** @returns the body, or `undefined` if its last chunk is not there. */
function unchunk(framed: string): string | undefined {
  let body = "";
  for (let at = 0; at < framed.length;) {
    const lineEnd = framed.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(framed.slice(at, lineEnd), 16);
    if (size === 0) return framed.startsWith("\r\n", lineEnd + 2) ? body : undefined;
    if (lineEnd + 4 + size > framed.length) return undefined;
    body += framed.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 4 + size;
  }
  return undefined;
}

function compare(cases: readonly Case[], got: ReadonlyMap<string, Got>, rows: readonly UsageRow[]): OutcomeFigures {
  const outcomes: Record<string, number> = {};
  const wrong: string[] = [];
  const byId = Map.groupBy(rows, (row) => row.client_request_id ?? "");
  for (const one of cases) {
    const own = byId.get(one.id) ?? [];
    const row = own.at(-1);
    const what = got.get(one.id)!;
    const name = `${what} ${row?.status ?? "none"}`;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    const isRight = (what === "whole") === (row?.status === "ok");
    if (own.length > 1 || !isRight) wrong.push(`${name} (${own.length} rows, ${row?.http_status} ${row?.error_code}): ${describe(one)}`);
  }
  return { requests: cases.length, faults: cases.filter(isFaulty).length, outcomes, wrong };
}

function isFaulty({ trouble, failWrites, failSyncs, failTransactions, socket }: Case): boolean {
  const leaves = socket.leavesAfterBytes < Infinity || socket.leavesAfterTurns < Infinity;
  return trouble !== undefined || leaves || failWrites + failSyncs + failTransactions > 0;
}

function describe({ dialect, ...rest }: Case): string {
  return JSON.stringify({ dialect: dialect.id, ...rest });
}
