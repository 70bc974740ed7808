import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleOptions } from "./bundle-options.ts";

const clone = fileURLToPath(new URL("..", import.meta.url));

/** By the name that other parts look for: commands, the library, and what is started in a process or a thread of its own. */
const entries = {
  main: "src/app/cli/main.ts",
  "daemon-main": "src/app/cli/daemon-main.ts",
  index: "src/app/index.ts",
  "bridge-start": "src/app/library/bridge-start.ts",
  "worker-start": "src/app/daemon/worker-start.ts",
  "checkpoint-thread": "src/store/sqlite/checkpoint-thread.ts",
  "read-thread": "src/store/sqlite/read-thread.ts",
};

/**
 * Makes the program of the package in a folder: its parts in `lib`, what starts them in `bin`. It needs a `package.json` with `type` and `version` beside them.
 */
export async function bundleProgram(out: string): Promise<void> {
  for (const folder of ["bin", "lib"]) mkdirSync(join(out, folder), { recursive: true });
  const { metafile } = await build({
    ...bundleOptions,
    absWorkingDir: clone,
    metafile: true,
    entryPoints: entries,
    outdir: join(out, "lib"),
    splitting: true,
    format: "esm",
    define: { TOKLIGENCE_BUNDLED: "true" },
    // CommonJS packages ask for Node's own modules at run time.
    banner: { js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);' },
  });
  // `import { z } from "zod"`, in place of `import * as z`, keeps all of that package.
  const unused = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((input) => input.includes("zod/v4/locales/km")),
  );
  if (unused.length > 0)
    throw new Error('The bundle contains zod\'s messages in all languages: an import is not `import * as z from "zod"`.');
  copyFileSync(join(clone, "src/ledger/prices/price-list.json"), join(out, "lib/price-list.json"));
  for (const file of ["launch.cjs", "tokligence.cjs", "tokligence-daemon.cjs"])
    copyFileSync(join(clone, "packaging/npm", file), join(out, "bin", file));
}
