import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { renderJsonSchema } from "../src/app/config/json-schema.ts";

/** Writes `docs/config.schema.json`, the configuration file's JSON Schema. `--check` fails when the file is not what it would write. */
const file = new URL("../docs/config.schema.json", import.meta.url);

const text = renderJsonSchema();
if (process.argv.includes("--check")) {
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    console.error("docs/config.schema.json is stale: run `node scripts/config-schema.ts`.");
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
