import type { Accounts, Principal, User } from "../accounts/index.ts";
import {
  createPeriodic,
  GatewayError,
  messageOf,
  type Clock,
  type Every,
  type IdSource,
  type Logger,
  type PeriodicTask,
} from "../core/index.ts";
import type { GatewayDeps } from "../gateway/index.ts";
import { canaryUser, CanaryStore, formatUsd, type BudgetAdmin } from "../ledger/index.ts";
import type { Store } from "../store/index.ts";
import { isMarketProvider, type TargetStates } from "../upstream/index.ts";
import { askCanary, type AskedTarget } from "./ask-canary.ts";
import type { CanaryExchange } from "./canary-exchange.ts";
import { canaryPrompts, nameOfAnswer } from "./prompts.ts";
import type { CanariesSection } from "./section.ts";

export interface CanariesDeps {
  readonly store: Pick<Store, "db" | "reader">;
  readonly accounts: Pick<Accounts, "getUser" | "createUser">;
  readonly budgets: Pick<BudgetAdmin, "list" | "set">;
  /** After a budget has changed. */
  readonly onBudgetsChanged: () => Promise<void>;
  readonly gateway: GatewayDeps;
  readonly states: TargetStates;
  readonly settings: () => CanariesSection;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, "next">;
  readonly logger: Logger;
  readonly every?: Every;
}

/** Asks models questions with known answers. Every process that serves may run it: each question is asked by one of them. */
export type Canaries = PeriodicTask;

/** Whether a target is due is looked at so often. */
const lookMs = 5_000;
/** After the budget has refused a question. */
const pauseMs = 3_600_000;
/** On every row, so that reports can show them. */
const tag = "canary";

export function createCanaries(deps: CanariesDeps): Canaries {
  const asker = new Asker(deps);
  const task = createPeriodic({
    everyMs: lookMs,
    run: () => asker.run(),
    onError: (error) => deps.logger.warn({ error: messageOf(error) }, "canaries could not be asked; it is tried again"),
    ...(deps.every === undefined ? {} : { every: deps.every }),
  });
  return {
    start: () => task.start(),
    runNow: () => task.runNow(),
    async stop() {
      asker.leave();
      await task.stop();
    },
  };
}

class Asker {
  readonly #deps: CanariesDeps;
  readonly #answers: CanaryStore;
  /** When a target may be due, as far as this process knows. Names of the configuration alone. */
  readonly #nextMs = new Map<string, number>();
  /** Targets that have refused to give probabilities. */
  readonly #withoutProbabilities = new Set<string>();
  #pausedUntilMs = -Infinity;
  /** The user and the setting that the budget was made for. */
  #budgetFor: { readonly userId: string; readonly nanoUsd: bigint } | undefined;
  #exchange: CanaryExchange | undefined;
  #isStopped = false;

  constructor(deps: CanariesDeps) {
    this.#deps = deps;
    this.#answers = new CanaryStore(deps.store);
  }

  leave(): void {
    this.#isStopped = true;
    this.#exchange?.leave();
  }

  async run(): Promise<void> {
    const { settings, clock } = this.#deps;
    const { models, everyMs } = settings();
    if (models.length === 0 || clock.monotonic() < this.#pausedUntilMs) return;
    for (const target of this.#targets(models)) {
      const key = `${target.provider.name}/${target.model}`;
      const nowMs = clock.now();
      const nextMs = this.#nextMs.get(key) ?? 0;
      if (nowMs < nextMs && nextMs <= nowMs + everyMs) continue;
      const turn = await this.#answers.takeTurn({ provider: target.provider.name, model: target.model }, nowMs, everyMs);
      this.#nextMs.set(key, "turn" in turn ? nowMs + everyMs : turn.nextMs);
      if ("turn" in turn) await this.#ask(target, key, turn.turn);
      if (this.#isStopped || clock.monotonic() < this.#pausedUntilMs) return;
    }
  }

  /** The targets of the models, each once. Other gateways are not asked: docs/market/automatic.md has probes of them. */
  #targets(models: readonly string[]): readonly AskedTarget[] {
    const { catalog } = this.#deps.gateway.current();
    const found = new Map<string, AskedTarget>();
    for (const { provider: name, upstreamModel: model } of models.flatMap((each) => catalog.resolve(each).targets)) {
      const provider = catalog.provider(name);
      if (provider === undefined || !provider.enabled || provider.builtin || isMarketProvider(name)) continue;
      found.set(`${name}/${model}`, { provider, model });
    }
    return [...found.values()];
  }

  async #ask(target: AskedTarget, key: string, turn: number): Promise<void> {
    const { gateway, states, clock, ids, logger } = this.#deps;
    const principal = await this.#principal();
    if (principal === undefined) return;
    const prompt = canaryPrompts[turn % canaryPrompts.length]!;
    const requestId = ids.next("req");
    const wantsProbabilities = prompt.kind === "open" && !this.#withoutProbabilities.has(key);
    const question = { prompt, principal, requestId, wantsProbabilities };
    const outcome = await askCanary({ gateway, states }, target, question, (exchange) => {
      this.#exchange = exchange;
    });
    this.#exchange = undefined;
    if (outcome.kind === "failed") {
      if (outcome.status === 400 && outcome.askedProbabilities) this.#withoutProbabilities.add(key);
      if (outcome.code === "budget_exceeded") {
        this.#pausedUntilMs = clock.monotonic() + pauseMs;
        logger.warn({ user: canaryUser }, "the budget of the canaries is used up: no more are asked for an hour");
      }
      return;
    }
    const { reply, region, probabilities } = outcome;
    const isRight = prompt.isRight?.(reply);
    const series = { provider: target.provider.name, model: target.model, region };
    await this.#answers.add(requestId, series, {
      timeMs: clock.now(),
      prompt: prompt.id,
      isRight,
      answer: nameOfAnswer(reply, isRight),
      probabilities: probabilities && Object.fromEntries(probabilities.map(({ token, probability }) => [token, probability])),
    });
  }

  /** In whose name they are asked; `undefined`: an admin has disabled that user. */
  async #principal(): Promise<Principal | undefined> {
    const user = await this.#user();
    if (user.disabled_at !== null) return undefined;
    await this.#setBudget(user);
    return { userId: user.id, username: user.username, keyId: "", role: "user", boundTags: [tag, ...user.tags], market: "off" };
  }

  async #user(): Promise<User> {
    const { accounts } = this.#deps;
    try {
      return await accounts.getUser(canaryUser);
    } catch (error) {
      if (!isCode(error, "not_found")) throw error;
    }
    try {
      return await accounts.createUser({ username: canaryUser });
    } catch (error) {
      // Another process was faster.
      if (!isCode(error, "conflict")) throw error;
      return await accounts.getUser(canaryUser);
    }
  }

  async #setBudget({ id }: User): Promise<void> {
    const { settings, budgets, onBudgetsChanged } = this.#deps;
    const { budgetNanoUsd } = settings();
    if (this.#budgetFor?.userId === id && this.#budgetFor.nanoUsd === budgetNanoUsd) return;
    const states = await budgets.list([{ kind: "user", name: id }]);
    const known = states.find(({ period }) => period === "day");
    if (known?.stop_usd !== formatUsd(budgetNanoUsd)) {
      await budgets.set({ subject: "user", subjectId: id, period: "day", stopNanoUsd: budgetNanoUsd });
      await onBudgetsChanged();
    }
    this.#budgetFor = { userId: id, nanoUsd: budgetNanoUsd };
  }
}

function isCode(error: unknown, code: GatewayError["code"]): boolean {
  return error instanceof GatewayError && error.code === code;
}
