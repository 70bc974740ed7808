import { defaultDialect } from "../../protocols/index.ts";
import { calledOrigin } from "../http/base-url.ts";
import type { HttpExchange } from "../http/exchange.ts";
import type { Route } from "../route-table.ts";
import type { HealthReport } from "./health-report.ts";
import { baseUrlsOf, homePolicy, renderHomePage } from "./home-page.ts";

export interface HomeDeps {
  readonly readHealth: () => Promise<HealthReport>;
  readonly authEnabled: () => boolean;
  /** Whether people can sign in at an identity provider. */
  readonly hasSingleSignOn: () => boolean;
  /** A model that answers a chat at little cost. */
  readonly suggestModel: () => string;
}

/** The name of a model in the snippets for callers who may not know which models there are. */
const builtinModel = "loopback";

/**
 * `/`: a page for browsers, JSON for programs. Public. What is inside (providers, states, models) only callers on the gateway's own machine see, and
 * nothing of it is a secret.
 */
export function homeRoutes(deps: HomeDeps): Route[] {
  const common = {
    path: "/",
    access: "public",
    dialect: defaultDialect,
    handle: (exchange, { isLocal }) => answerHome(deps, exchange, isLocal),
  } as const satisfies Partial<Route>;
  return [
    { ...common, method: "GET" },
    { ...common, method: "HEAD" },
  ];
}

const headers = ["cache-control", "no-store", "vary", "accept", "x-content-type-options", "nosniff"];

async function answerHome(deps: HomeDeps, exchange: HttpExchange, isLocal: boolean): Promise<void> {
  const { status, version, dependencies, providers } = await deps.readHealth();
  const origin = calledOrigin(exchange.headers);
  if (!prefersHtml(exchange.headers.accept ?? "")) {
    const body = { name: "Tokligence Gateway", version, status, base_urls: baseUrlsOf(origin) };
    exchange.json(200, ["content-type", "application/json", ...headers], `${JSON.stringify(body)}\n`);
    return;
  }
  const page = renderHomePage({
    version,
    status,
    origin,
    authEnabled: deps.authEnabled(),
    hasSingleSignOn: deps.hasSingleSignOn(),
    model: isLocal ? deps.suggestModel() : builtinModel,
    internals: isLocal ? { dependencies, providers } : undefined,
  });
  const own = ["content-security-policy", homePolicy, "referrer-policy", "no-referrer"];
  exchange.json(200, ["content-type", "text/html; charset=utf-8", ...headers, ...own], page);
}

/** Browsers name `text/html`; a program that takes anything (`*` + `/*`) gets JSON (RFC 9110, section 12.5.1). */
export function prefersHtml(accept: string): boolean {
  const html = qualityOf(accept, "text/html");
  return html > 0 && html >= qualityOf(accept, "application/json");
}

/** The weight of a media type that is named; 0: it is not named, or refused. */
function qualityOf(accept: string, type: string): number {
  for (const range of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim());
    if (name !== type) continue;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  }
  return 0;
}
