import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("zod is imported as `* as z`: with `{ z }` a bundler keeps all of it, with its messages in fifty languages, and each start reads them", () => {
  const whole = globSync("src/**/*.ts", { cwd: root }).filter((path) =>
    /^import (?:type )?\{[^}]*\bz\b[^}]*\} from "zod";/m.test(readFileSync(`${root}${path}`, "utf8")),
  );
  assert.deepEqual(whole, []);
});
