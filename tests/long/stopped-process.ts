import { test } from "node:test";
import { stoppedRun } from "../process/kill-run.ts";
import { writeFigures } from "./figures.ts";

const stops = 5;
const stopMs = 7000;

test("a process that is stopped under load for longer than its limits of time, and goes on, fails no request", async () => {
  writeFigures("stopped-process", { stops, stop_ms: stopMs, answered: await stoppedRun({ stops, stopMs }) });
});
