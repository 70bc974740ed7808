import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { ScenarioTrouble, StreamScript } from "./scenario.ts";

/** One answer on its way out. `gone` aborts, and `left` resolves, when the client has left or the answer is over. */
export type Stage = {
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
  readonly left: Promise<unknown>;
  readonly trouble: ScenarioTrouble | undefined;
  /** Marks that the mock itself breaks the connection, so that it is not taken for a client that left. */
  readonly markCut: () => void;
};

/** Plays a whole JSON body; a `cut` or a `hang` after a number of pieces comes after half of the bytes. */
export async function playJson(
  stage: Stage,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: object | string,
): Promise<void> {
  const { response, trouble } = stage;
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  if (await meetTrouble(stage, "headers")) return;
  response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, ...headers });
  const half = bytes.length >> 1;
  if (trouble?.kind === "cut" || (trouble?.kind === "hang" && trouble.afterPieces !== "headers")) {
    await write(stage, bytes.subarray(0, half));
    if (await meetTrouble(stage, trouble.afterPieces)) return;
    response.end(bytes.subarray(half));
    return;
  }
  response.end(bytes);
}

/** What a streamed answer needs beside its script. */
export type StreamSettings = {
  readonly headers: Readonly<Record<string, string>>;
  readonly delayBetweenChunksMs: number | undefined;
  readonly writeBytes?: number | undefined;
  readonly renderErrorEvent: (first: boolean) => string;
  readonly onOpening: () => void;
  readonly onFinish: () => void;
};

/** Plays a stream, piece by piece where a delay is set and at once where not, with back-pressure. */
export async function playStream(stage: Stage, script: StreamScript, settings: StreamSettings): Promise<void> {
  const { response, trouble } = stage;
  if (await meetTrouble(stage, "headers")) return;
  response.writeHead(200, settings.headers);
  if (trouble !== undefined || settings.delayBetweenChunksMs !== undefined) response.flushHeaders();
  if (trouble?.kind === "error-event" && trouble.afterPieces === 0) {
    response.end(settings.renderErrorEvent(true));
    return;
  }
  const out = createWriter(stage, settings);
  await out.push(script.opening);
  settings.onOpening();
  for (const [at, piece] of [...script.pieces, ""].entries()) {
    if (trouble !== undefined && isDue(trouble, at, script.pieces.length)) {
      await out.flush();
      if (trouble.kind === "error-event") {
        response.end(settings.renderErrorEvent(false));
        return;
      }
      if (await meetTrouble(stage, trouble.kind === "error" ? "headers" : trouble.afterPieces)) return;
    }
    if (at < script.pieces.length) await out.push(piece);
  }
  if (stage.gone.aborted) return;
  settings.onFinish();
  await out.push(script.finish);
  await out.push(script.end);
  await out.flush();
  response.end();
}

/** Whether the trouble comes before this piece; one that is set behind the last piece comes before the finish. */
function isDue(trouble: ScenarioTrouble, at: number, pieceCount: number): boolean {
  if (trouble.kind === "error" || trouble.afterPieces === "headers") return false;
  return Math.min(trouble.afterPieces, pieceCount) === at;
}

/** Cuts or hangs if that is what is set for this point. True: there is nothing more to play. */
async function meetTrouble(stage: Stage, point: number | "headers"): Promise<boolean> {
  const { trouble, gone, left, response } = stage;
  if (trouble === undefined || trouble.kind === "error" || trouble.afterPieces !== point) return gone.aborted;
  if (trouble.kind === "cut") {
    stage.markCut();
    // What was written has to reach the wire first: a cut behind N pieces is one that shows N pieces.
    await nextTurn();
    response.destroy();
    return true;
  }
  if (trouble.kind === "hang") await Promise.race([trouble.until ?? left, left]);
  return gone.aborted;
}

interface Writer {
  readonly push: (text: string) => Promise<void>;
  readonly flush: () => Promise<void>;
}

function createWriter(stage: Stage, { delayBetweenChunksMs: delayMs, writeBytes }: StreamSettings): Writer {
  let held = "";
  const flush = async (): Promise<void> => {
    const text = held;
    held = "";
    if (text === "") return;
    if (writeBytes === undefined) return await write(stage, text);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += writeBytes) {
      await write(stage, bytes.subarray(at, at + writeBytes));
      // A turn of the event loop between writes, or they would leave as one.
      await nextTurn();
    }
  };
  const push = async (text: string): Promise<void> => {
    if (text === "" || stage.gone.aborted) return;
    held += text;
    if (delayMs === undefined) return;
    await flush();
    await pause(stage.gone, delayMs);
  };
  return { push, flush };
}

async function write(stage: Stage, data: string | Uint8Array): Promise<void> {
  if (stage.gone.aborted || stage.response.write(data)) return;
  const drained = new Promise<void>((resolve) => stage.response.once("drain", resolve));
  await Promise.race([drained, stage.left]);
}

async function pause(gone: AbortSignal, delayMs: number): Promise<void> {
  // The wait ends early when the client leaves; that is no failure here.
  if (delayMs > 0) await wait(delayMs, undefined, { signal: gone }).catch(() => undefined);
  else await nextTurn();
}
