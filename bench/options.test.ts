import { deepEqual, throws } from "node:assert/strict";
import { test } from "node:test";

import { parseOptions } from "./options.ts";

test("without arguments everything is measured", () => {
  deepEqual(parseOptions([]), {
    workloads: ["W1", "W2", "W3", "W4p", "W5p", "W6"],
    targets: ["gateway", "nginx", "direct"],
    rounds: 5,
    seconds: 4,
    warmup: 8,
    maxForeign: 0.1,
    against: undefined,
    garbage: false,
    latency: false,
    record: false,
    json: undefined,
  });
});

test("every argument is taken", () => {
  const args = "--workloads W2,W6 --targets nginx,minimal --rounds 3 --seconds 2 --warmup 1 --max-foreign 0.3 --json out.json";
  deepEqual(parseOptions(args.split(" ")), {
    workloads: ["W2", "W6"],
    targets: ["nginx", "minimal"],
    rounds: 3,
    seconds: 2,
    warmup: 1,
    maxForeign: 0.3,
    against: undefined,
    garbage: false,
    latency: false,
    record: false,
    json: "out.json",
  });
});

test("against a commit both gateways are measured, in ten rounds, and others only if they are asked for", () => {
  const { against, targets, rounds } = parseOptions(["--against", "main"]);
  deepEqual([against, targets, rounds], ["main", ["gateway", "against"], 10]);
  const more = parseOptions(["--against", "main", "--targets", "nginx,gateway", "--rounds", "20"]);
  deepEqual([more.targets, more.rounds], [["gateway", "against", "nginx"], 20]);
  throws(() => parseOptions(["--targets", "against"]), /--targets: "against" is none of/);
});

test("an argument that cannot be is refused by name", () => {
  throws(() => parseOptions(["--workloads", "W2,W9"]), /--workloads: "W9" is none of W1, W2/);
  throws(() => parseOptions(["--targets", ""]), /--targets: "" is none of gateway/);
  throws(() => parseOptions(["--rounds", "0"]), /--rounds: "0" is not a whole number from 1 to 50/);
  throws(() => parseOptions(["--seconds", "1.5"]), /--seconds: "1.5" is not a whole number/);
  throws(() => parseOptions(["--max-foreign", "x"]), /--max-foreign: "x" is not a number from 0 to 2/);
  throws(() => parseOptions(["--speed", "9"]), /--speed/);
});

test("--garbage measures the gateway alone", () => {
  const { garbage, targets, rounds } = parseOptions(["--garbage"]);
  deepEqual({ garbage, targets, rounds }, { garbage: true, targets: ["gateway"], rounds: 5 });
  throws(() => parseOptions(["--record"]), /only what --garbage measures/);
  deepEqual(parseOptions(["--garbage", "--against", "main"]).targets, ["gateway", "against"]);
});

test("latency is measured beside direct, and with nothing else", () => {
  const { latency, targets } = parseOptions(["--latency"]);
  deepEqual([latency, targets], [true, ["gateway", "direct"]]);
  throws(() => parseOptions(["--latency", "--garbage"]), /--latency: it is measured alone/);
});
