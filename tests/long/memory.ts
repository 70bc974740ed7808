import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createCheapUpstream } from "../process/kill-run.ts";
import { createHome, type RunningProcess } from "../process/processes.ts";
import { writeFigures } from "./figures.ts";

/** `MEMORY_REQUESTS=100000` for a shorter run. */
const requests = Number(process.env["MEMORY_REQUESTS"] ?? 1_000_000);
const streams = requests / 100;
const width = 32;
/** In which the rows of the last requests are written and taken into the audit trail. */
const settlingMs = 15_000;
const limitMib = 150;

interface Sample {
  readonly after: number;
  readonly resident_mib: number;
  readonly heap_mib: number;
}

async function readSample(url: string, after: number): Promise<Sample> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const mib = (metric: string): number => {
    const line = text.split("\n").find((each) => each.startsWith(`${metric} `));
    assert.ok(line !== undefined, `${metric} is not among the metrics`);
    return Math.round(Number(line.slice(metric.length + 1)) / 1024 ** 2);
  };
  return { after, resident_mib: mib("process_resident_memory_bytes"), heap_mib: mib("nodejs_heap_size_used_bytes") };
}

/** Sends the same request again and again on some connections. A client of its own: the load must not be what limits the run. */
async function send({ port, api_key: key }: RunningProcess, count: number, stream: boolean): Promise<void> {
  const body = JSON.stringify({ model: "gpt-cheap", messages: [{ role: "user", content: "hi" }], stream });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json`;
  const request = `${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  let left = count;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      let text = "";
      const next = (): void => {
        text = "";
        if (left-- > 0) socket.write(request);
        else socket.end();
      };
      socket.setEncoding("latin1");
      socket.on("connect", next);
      socket.on("data", (part: string) => {
        text += part;
        if (!text.startsWith("HTTP/1.1 200")) socket.destroy(new Error(text.slice(0, 300)));
        else if (stream ? text.endsWith("\r\n0\r\n\r\n") : isWhole(text)) next();
      });
      socket.on("error", reject);
      socket.on("close", () => resolve());
    });
  await Promise.all(Array.from({ length: width }, one));
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  return end > 0 && text.length >= end + 4 + Number(length);
}

test("memory is flat over a million requests and ten thousand streams", { timeout: 3_600_000 }, async () => {
  const upstream = await createCheapUpstream();
  const home = await createHome();
  await home.writeConfig(
    `providers:\n  cheap: { protocols: [openai-chat], base_url: "${upstream.url}/v1", api_key: sk-nothing, models: [gpt-cheap] }\n`,
  );
  try {
    const daemon = await home.start();
    const samples: Sample[] = [];
    const part = requests / 10;
    for (let sent = part; sent <= requests; sent += part) {
      await send(daemon, part, false);
      if (samples.length % 5 === 4) await delay(settlingMs);
      samples.push(await readSample(daemon.url, sent));
    }
    await send(daemon, streams, true);
    await delay(settlingMs);
    const afterStreams = await readSample(daemon.url, streams);
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    const [middle, last] = [samples[4]!, samples[9]!];
    const grown = last.heap_mib - middle.heap_mib;
    writeFigures("memory", {
      requests,
      streams,
      samples,
      last_mib: last.resident_mib,
      streams_mib: afterStreams.resident_mib,
      heap_grown_mib: grown,
    });
    assert.ok(last.resident_mib < 2 * limitMib, JSON.stringify(samples));
    // Collections come when they come: a leak of 30 bytes a request would be more.
    assert.ok(grown < 15, JSON.stringify(samples));
  } finally {
    upstream.close();
    await home.clear();
  }
});
