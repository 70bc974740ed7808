import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { answerShapesOf, type AnswerShape } from "../costly/answers.ts";
import { countValues, fitBody, type Room } from "../costly/fit.ts";
import { startRig, type Cost, type Rig } from "../costly/rig.ts";
import { shapesOf } from "../costly/shapes.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { writeFigures } from "./figures.ts";

/** Processor time of one piece of the event loop, on the machine that the limit was measured on: the aim of `docs/limits.md`. */
const limitMs = 300;
/** A measurement fails above this multiple of the limit, as processor time differs from run to run on a busy machine. */
const tolerance = 2;
/** What `JSON.parse` of 16 MiB of numbers took there. */
const referenceMs = 136;

/** Most that the gateway takes with its default limits. */
const full: Room = { bytes: 32 * 2 ** 20 - 1024, values: 249_000 };
/** For the first look: a cost that grows with the square of the length shows here as well. */
const tenth: Room = { bytes: full.bytes / 10, values: full.values / 10 };
/** Of the first look, so many are measured in full. */
const finalists = 3;
const answerBytes = { whole: 48 * 2 ** 20, look: 3 * 2 ** 20, stream: 3.9 * 2 ** 20 };

interface Measured {
  readonly shape: string;
  readonly longest_ms: number;
  readonly bytes: number;
  readonly values: number;
  readonly status: number;
}

interface PairFigures {
  /** How many times slower than the machine of the limit this one was. */
  readonly slowness: number;
  readonly request: Measured;
  readonly answer: Measured;
}

let rig: Rig;
const figures: Record<string, PairFigures> = {};

before(async () => {
  setFlagsFromString("--expose-gc");
  rig = await startRig();
});
after(() => rig.stop());
// After each one, so that a run that is ended early leaves its figures as well.
afterEach(() => {
  writeFigures("costliest-body", { limit_ms: limitMs, pairs: figures });
});

/** Collects garbage, so that what one request leaves is not counted with the next. */
function collect(): void {
  runInNewContext("gc()");
}

function parseTime(): number {
  const text = `[${"1,".repeat(8 * 2 ** 20 - 1)}1]`;
  const begun = process.threadCpuUsage();
  JSON.parse(text);
  const { user, system } = process.threadCpuUsage(begun);
  return (user + system) / 1000;
}

function measured(shape: string, { longestMs, status }: Cost, bytes: number, values: number): Measured {
  return { shape, longest_ms: Math.round(longestMs), bytes, values, status };
}

function worst(all: readonly Measured[]): Measured {
  return all.reduce((found, each) => (each.longest_ms > found.longest_ms ? each : found));
}

async function costliestRequest(dialect: Protocol, upstream: Protocol): Promise<Measured> {
  const measure = async (at: number, isFilled: boolean, room: Room): Promise<Measured | undefined> => {
    const shape = shapesOf(dialect)[at]!;
    const body = fitBody(shape, room, isFilled);
    if (body === undefined) return undefined;
    const { length } = body.text;
    if (room === full) collect();
    return measured(`${shape.name}${isFilled ? ", filled" : ""}`, await rig.cost(dialect, upstream, body.text), length, body.values);
  };
  const looked: { readonly at: number; readonly isFilled: boolean; readonly ms: number }[] = [];
  for (let at = 0; at < shapesOf(dialect).length; at++) {
    for (const isFilled of [false, true]) {
      const found = await measure(at, isFilled, tenth);
      if (found !== undefined) looked.push({ at, isFilled, ms: found.longest_ms });
    }
  }
  looked.sort((one, other) => other.ms - one.ms);
  const finals: Measured[] = [];
  for (const { at, isFilled } of looked.slice(0, finalists)) {
    const found = await measure(at, isFilled, full);
    if (found !== undefined) finals.push(found);
  }
  return worst(finals);
}

async function costliestAnswer(dialect: Protocol, upstream: Protocol): Promise<Measured> {
  const hi = shapesOf(dialect)
    .find(({ name }) => name === "users")!
    .build(1, "hi");
  const measure = async (shape: AnswerShape, bytes: number, stream: boolean): Promise<Measured> => {
    const body = fitAnswer(shape, bytes);
    if (bytes === answerBytes.whole) collect();
    const contentType = shape.isStream ? "text/event-stream" : "application/json";
    const cost = await rig.cost(dialect, upstream, hi, { body, contentType, stream });
    return measured(`${shape.name}${shape.isStream && !stream ? ", for one object" : ""}`, cost, body.length, countValues(body));
  };
  const all: Measured[] = [];
  const looked: { readonly shape: AnswerShape; readonly ms: number }[] = [];
  for (const shape of answerShapesOf(upstream)) {
    if (shape.isStream) for (const stream of [true, false]) all.push(await measure(shape, answerBytes.stream, stream));
    else looked.push({ shape, ms: (await measure(shape, answerBytes.look, false)).longest_ms });
  }
  looked.sort((one, other) => other.ms - one.ms);
  for (const { shape } of looked.slice(0, finalists - 1)) all.push(await measure(shape, answerBytes.whole, false));
  return worst(all);
}

function fitAnswer({ build }: AnswerShape, bytes: number): string {
  const count = Math.floor((bytes * 1000) / build(1000).length);
  const body = build(count);
  return body.length <= bytes ? body : build(Math.floor((count * bytes) / body.length));
}

for (const dialect of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    test(`${dialect} to ${upstream}: no piece of work on a request or an answer keeps the event loop long`, async (t) => {
      const slowness = Math.max(1, parseTime() / referenceMs);
      const request = await costliestRequest(dialect, upstream);
      const answer = await costliestAnswer(dialect, upstream);
      figures[`${dialect} to ${upstream}`] = { slowness: Math.round(slowness * 100) / 100, request, answer };
      t.diagnostic(`request: ${JSON.stringify(request)}`);
      t.diagnostic(`answer: ${JSON.stringify(answer)}`);
      const most = Math.round(tolerance * limitMs * slowness);
      for (const { shape, longest_ms: ms } of [request, answer]) assert.ok(ms <= most, `${shape}: ${ms} ms of ${most} ms`);
    });
  }
}
