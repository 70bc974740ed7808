import { letGoOfBudget } from "./hold-budget.ts";
import type { ModelCall } from "./model-call.ts";

/** The request is over: its reservation is released, then it is reported. */
export function finishCall(call: ModelCall): void {
  void letGoOfBudget(call);
  call.report();
}
