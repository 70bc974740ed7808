import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../config/index.ts";
import { configErrorText } from "./run-program.ts";

const problem = (message: string): ConstructorParameters<typeof ConfigError>[0][number] => ({
  origin: undefined,
  key: "",
  found: "",
  allowed: "",
  message,
});

test("several errors of a configuration have a line each, and what may be their reason follows", () => {
  assert.equal(configErrorText(new ConfigError([problem("f:1: a")])), "f:1: a");
  assert.equal(configErrorText(new ConfigError([problem("f:1: a")], ["X: did you mean Y?"])), "f:1: a\n  warning: X: did you mean Y?");
  assert.equal(
    configErrorText(new ConfigError([problem("f:1: a"), problem("f:2: b")], ["X"])),
    "the configuration has 2 errors:\n  f:1: a\n  f:2: b\n  warning: X",
  );
});
