import { Session } from "node:inspector/promises";
import type { Protocol } from "../testbed/scenario.ts";
import { shapesOf } from "./shapes.ts";

// Counts how often each block of code under src/ runs, and prints the counts as JSON: `count-work.ts SIZE`. It is a process of its own, as V8 counts only in
// code that is loaded later, and not in code that is optimized (`--no-opt --no-maglev`).

/** How often a block of code runs when bodies of all shapes of one dialect are translated to all other protocols. */
export interface BlockCount {
  readonly dialect: Protocol;
  /** File, function and offset. */
  readonly block: string;
  /** With `SIZE` pieces in each body. */
  readonly single: number;
  /** With twice as many. */
  readonly double: number;
}

const size = Number(process.argv[2]);
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
const { protocols } = await import("../../src/protocols/index.ts");

async function takeCounts(): Promise<ReadonlyMap<string, number>> {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const counts = new Map<string, number>();
  for (const { url, functions } of result) {
    const file = url.split("/src/")[1];
    if (file === undefined) continue;
    for (const { functionName, ranges } of functions)
      for (const { startOffset, count } of ranges) {
        const key = `${file} ${functionName} at ${startOffset}`;
        counts.set(key, Math.max(counts.get(key) ?? 0, count));
      }
  }
  return counts;
}

function translateAll(dialect: Protocol, count: number): void {
  const protocol = protocols.get(dialect)!;
  const route = { route: protocol.routes.find(({ operation }) => operation === "generate")!, param: "m", query: "" };
  for (const shape of shapesOf(dialect)) {
    for (const [id, { upstream }] of protocols) {
      if (id === dialect) continue;
      try {
        const request = protocol.parseRequest(JSON.parse(shape.build(count, "")), route);
        upstream.renderRequest(request, { model: "m", stream: false, quirks: {} });
      } catch {
        // A refusal is work as well.
      }
    }
  }
}

const blocks: BlockCount[] = [];
for (const dialect of protocols.keys()) {
  // What is done once only, such as making a pattern, is not counted.
  translateAll(dialect, 4);
  await takeCounts();
  translateAll(dialect, size);
  const single = await takeCounts();
  translateAll(dialect, 2 * size);
  for (const [block, count] of await takeCounts()) blocks.push({ dialect, block, single: single.get(block) ?? 0, double: count });
}
session.disconnect();
process.stdout.write(JSON.stringify(blocks));
