import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Secret, systemClock } from "../src/core/index.ts";
import { createReports } from "../src/ledger/index.ts";
import { createPostgresStore, createSqliteStore, parsePostgresUrl, type Store } from "../src/store/index.ts";
import { median } from "./figures.ts";
import { fillLedger, reportQueries } from "./ledger-fill.ts";

const usage = `node bench/reports.ts [--rows 10000000] [--runs 9] [--directory DIR] [--postgres postgres://USER:PASSWORD@HOST/EMPTY-DATABASE]

How long reports take on a ledger of so many rows in one month. Fills a new database first: SQLite in DIR, which is removed afterwards, or an empty
PostgreSQL database, which is left as it is.`;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: "string", default: "10000000" },
      runs: { type: "string", default: "9" },
      directory: { type: "string", default: tmpdir() },
      postgres: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [rows, runs] = [Number(values.rows), Number(values.runs)];
  if (values.help || !Number.isSafeInteger(rows) || rows < 1 || !Number.isSafeInteger(runs) || runs < 1) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  if (values.postgres !== undefined) {
    const place = parsePostgresUrl(new Secret(values.postgres));
    await measure(await createPostgresStore({ place, clock: systemClock }), rows, runs);
    return;
  }
  const folder = mkdtempSync(join(values.directory, "tokligence-bench-"));
  const path = join(folder, "ledger.db");
  try {
    await measure(
      await createSqliteStore({ path, clock: systemClock }),
      rows,
      runs,
      () => `, ${(statSync(path).size / 1e9).toFixed(2)} GB`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(store: Store, rows: number, runs: number, size: () => string = () => ""): Promise<void> {
  try {
    const startMs = performance.now();
    await fillLedger(store, rows, (done) => console.error(`${done} rows, ${seconds(startMs)} s`));
    console.log(`${store.dialect}: ${rows} rows in ${seconds(startMs)} s${size()}`);
    console.log("| report | rows | median ms | first | slowest |\n| --- | ---: | ---: | ---: | ---: |");
    const reports = createReports({ store });
    for (const [name, query] of Object.entries(reportQueries)) {
      const times: number[] = [];
      let found = 0;
      for (let run = 0; run < runs; run++) {
        const beganMs = performance.now();
        found = (await reports.usage(query)).rows.length;
        times.push(performance.now() - beganMs);
      }
      const [middle, first, slowest] = [median(times), times[0]!, Math.max(...times)].map((ms) => ms.toFixed(1));
      console.log(`| ${name} | ${found} | ${middle} | ${first} | ${slowest} |`);
    }
  } finally {
    await store.close();
  }
}

function seconds(startMs: number): string {
  return ((performance.now() - startMs) / 1000).toFixed(0);
}
