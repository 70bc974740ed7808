import { writeFileSync } from "node:fs";
import { startBench } from "../tests/matrix/bench.ts";
import { foreignPairs, goldenPath, renderGolden } from "../tests/matrix/golden.ts";
import { PROTOCOLS } from "../tests/testbed/scenario.ts";

// Writes what goes over both wires of every translated pair; read the difference before it is committed.
const bench = await startBench();
try {
  for (const pair of foreignPairs(PROTOCOLS)) writeFileSync(goldenPath(pair), await renderGolden(bench, pair));
} finally {
  await bench.stop();
}
