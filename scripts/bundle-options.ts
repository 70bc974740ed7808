import { readFileSync } from "node:fs";
import type { BuildOptions, Plugin } from "esbuild";

/** A package that is loaded at its first use: a bundler follows only a plain `require`, and loads it as late. */
const lateRequires: Plugin = {
  name: "late requires",
  setup(run) {
    run.onLoad({ filter: /[/\\]src[/\\](?:core[/\\]pattern|ledger[/\\]prices[/\\]price-catalogue)\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text.replaceAll("createRequire(import.meta.url)(", "require(");
      if (contents === text) throw new Error(`${path} has no late require any more: change the bundler's plugin.`);
      return { contents, loader: "ts" };
    });
  },
};

/** What the bundles of the package and of the executables have in common. */
export const bundleOptions = {
  bundle: true,
  platform: "node",
  target: "node24",
  // Names stay as they are, for stack traces: `keepNames` would define each of some thousand names again at every start.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  external: ["pg-native", "cloudflare:sockets"],
  plugins: [lateRequires],
  logLevel: "warning",
} satisfies BuildOptions;
