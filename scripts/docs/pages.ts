import { readFile } from "node:fs/promises";
import { renderJsonSchema } from "../../src/app/config/json-schema.ts";
import { presets } from "../../src/upstream/index.ts";
import { renderCommandsPage } from "./commands-page.ts";
import { renderConfigurationPage } from "./configuration-page.ts";
import { renderErrorsPage } from "./errors-page.ts";
import { renderMetricsPage } from "./metrics-page.ts";
import { renderAdminApiPage, renderOpenApi } from "./openapi.ts";
import { renderModelTraitsPage } from "./model-traits-page.ts";
import { renderPricesPage } from "./prices-page.ts";
import { renderExample, renderProvidersPage } from "./providers-page.ts";
import { renderReliabilityPage } from "./reliability-page.ts";
import { renderTriedPage } from "./tried-page.ts";

/** Every generated file by its path from the root, with its text. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["docs/config.schema.json", renderJsonSchema()],
    ["docs/admin-api.md", renderAdminApiPage()],
    ["docs/openapi.json", renderOpenApi()],
    ["docs/configuration.md", renderConfigurationPage()],
    ["docs/commands.md", renderCommandsPage()],
    ["docs/errors.md", renderErrorsPage()],
    ["docs/metrics.md", await renderMetricsPage()],
    ["docs/model-traits.md", renderModelTraitsPage()],
    ["docs/prices.md", renderPricesPage()],
    ["docs/providers.md", renderProvidersPage()],
    ["docs/reliability.md", renderReliabilityPage(await readFile(new URL("../../docs/reliability.json", import.meta.url), "utf8"))],
    ["docs/tried.md", renderTriedPage(await readFile(new URL("../../docs/tried.json", import.meta.url), "utf8"))],
    ...presets.map((preset) => [`examples/${preset.name}.yaml`, renderExample(preset)] as const),
  ]);
}
