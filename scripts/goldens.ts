import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { startBench } from "../tests/matrix/bench.ts";
import { foreignPairs, goldenFolder, renderGoldens } from "../tests/matrix/golden.ts";
import { PROTOCOLS } from "../tests/testbed/scenario.ts";

// Writes what goes over both wires of every translated pair, one file a case; read the difference before it is committed.
const bench = await startBench();
try {
  for (const pair of foreignPairs(PROTOCOLS)) {
    const folder = goldenFolder(pair);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of await renderGoldens(bench, pair)) writeFileSync(`${folder}/${name}`, text);
  }
} finally {
  await bench.stop();
}
