import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFigures } from "./figures.ts";
import { startPair } from "../process/postgres-pair.ts";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";

test(
  "the database is restarted ten times under load: no client sees it, and no entry is lost or there twice",
  { skip: withoutPostgres },
  async () => {
    const pair = await startPair(await sharedPostgres());
    try {
      for (let round = 0; round < 10; round++)
        assert.deepEqual(await pair.restartUnderLoad(round % 2 === 0 ? "fast" : "immediate"), { [200]: true });
      assert.deepEqual(await pair.entries(), pair.answered.toSorted());
      writeFigures("postgres-restarts", { restarts: 10, answered: pair.answered.length });
    } finally {
      await pair.clear();
    }
  },
);
