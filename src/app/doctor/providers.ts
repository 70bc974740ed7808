import { silentLogger, systemClock } from "../../core/index.ts";
import { protocols } from "../../protocols/index.ts";
import type { AnnouncedState, Provider } from "../../upstream/index.ts";
import { createSnapshot } from "../compose/snapshot.ts";
import type { Settings } from "../config/index.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";

/** A provider that has not answered by then is reported so. */
const answerMs = 10_000;

/** Tries the keys of all providers, by asking each for its models. */
export async function checkProviders(settings: Settings, timeoutMs = answerMs): Promise<Finding[]> {
  const snapshot = createSnapshot(settings, { protocols, clock: systemClock, logger: silentLogger });
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([snapshot.listings!.refresh(), late]);
    const states = snapshot.listings!.snapshot();
    const real = snapshot.providers.filter(({ builtin }) => !builtin);
    const findings = real.map((provider) =>
      checkProvider(
        provider,
        states.find((state) => state.provider === provider.name),
      ),
    );
    if (real.some(({ enabled }) => enabled)) return findings;
    const remedy = "set OPENAI_API_KEY, ANTHROPIC_API_KEY or GOOGLE_API_KEY and start again, or add a provider under providers";
    return [...findings, problem("providers", "no provider can be used: only the built-in model answers", remedy)];
  } finally {
    clearTimeout(timer);
    await snapshot.close();
  }
}

function checkProvider({ name, enabled, disabledReason }: Provider, state: AnnouncedState | undefined): Finding {
  const at = `provider ${name}`;
  if (!enabled) return { name: at, state: "info", message: `off: ${disabledReason ?? "enabled is false"}` };
  if (state === undefined) return problem(at, "no answer", `check providers.${name}.base_url and the network`);
  if (state.message === undefined) return fine(at, `answers: ${state.models} ${state.models === 1 ? "model" : "models"}`);
  switch (state.status) {
    case undefined:
      return problem(at, state.message, `check providers.${name}.base_url, and that its server runs`);
    case 401:
      return problem(at, "401: the key is wrong", `set providers.${name}.api_key, or the variable that it names`);
    case 403:
      return warning(at, "403: the key may not list models; requests may work");
    case 404:
    case 405:
      return warning(at, `${state.status}: it has no list of models`, `if requests fail too, check providers.${name}.base_url`);
    default:
      return warning(at, `${state.status} when asked for its models: ${state.message}`);
  }
}
