import type { SubjectTarget } from "../../core/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";

/** An attempt as budgets and limits of providers and models count it. */
export function subjectOf({ plan }: Pick<ModelCall, "plan">, { provider, upstreamModel }: Attempt): SubjectTarget {
  return { provider: provider.name, upstreamModel, alias: plan?.alias };
}
