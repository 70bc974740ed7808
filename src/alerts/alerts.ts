import { createBoundedCache, messageOf, systemSchedule, type Clock, type Logger, type Schedule } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { nameOfEvent, type AlertEvent } from "./alert-event.ts";
import type { AlertsSection, EmailSettings, WebhookSettings } from "./section.ts";
import { plainText, writeWebhook } from "./webhook-message.ts";

/** The ways out of the process. */
export interface AlertSender {
  /** @returns the status of the answer. @throws Error without the URL. */
  post(name: string, url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number>;
  /** @throws Error without the password. */
  mail(settings: EmailSettings, subject: string, text: string): Promise<void>;
}

/** What became of a message to one webhook, or to all addresses. */
export interface Delivery {
  /** `webhook ops`, `email`. */
  readonly channel: string;
  readonly delivered: boolean;
  readonly error: string | null;
}

/** Tells operators of events, each once. */
export interface Alerts {
  /** Returns at once, and never throws: the event is logged and sent in the background, unless it has been raised before by any process on the database. */
  raise(event: AlertEvent): void;
  /** Sends a message to each channel, once and now. */
  test(): Promise<readonly Delivery[]>;
  /** Resolves when nothing is left to send. */
  flush(): Promise<void>;
  /** Gives up what has not been sent yet. */
  close(): void;
}

export interface AlertsDeps {
  readonly store: Pick<Store, "db">;
  readonly settings: () => AlertsSection;
  readonly sender: AlertSender;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule?: Schedule;
}

/** The waits before a message is sent again. */
const retryMs: readonly number[] = [1000, 5000, 30_000, 120_000, 600_000];
/** How long the database may be away before an event is given up: until then it is looked up again. */
const claimRetryMs: readonly number[] = [1000, 5000, 30_000, 60_000, 60_000];
/** Events of one process that are not claimed yet. */
const maxQueued = 1000;
const rememberedEvents = 10_000;
/** Names of events are kept for longer than any period but `total`. */
const keptMs = 400 * 86_400_000;

export function createAlerts(deps: AlertsDeps): Alerts {
  return new AlertsOfProcess(deps);
}

class AlertsOfProcess implements Alerts {
  readonly #deps: AlertsDeps;
  readonly #schedule: Schedule;
  /** Events that this process has raised or found raised. */
  readonly #known = createBoundedCache<true>(rememberedEvents);
  readonly #underWay = new Set<Promise<void>>();
  readonly #waits = new Set<() => void>();
  #isClosed = false;
  #hasSwept = false;

  constructor(deps: AlertsDeps) {
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  raise(event: AlertEvent): void {
    const name = nameOfEvent(event);
    if (this.#isClosed || this.#known.get(name) !== undefined || this.#underWay.size >= maxQueued) return;
    this.#known.set(name, true);
    this.#track(this.#raise(event, name));
  }

  async test(): Promise<readonly Delivery[]> {
    const event: AlertEvent = {
      kind: "test",
      subject: "test",
      period: "",
      severity: "warning",
      message: "This is a test of the gateway's alerts.",
      details: {},
    };
    return await Promise.all(
      this.#channelsOf(event, true).map(async ({ name, send }): Promise<Delivery> => {
        try {
          await send();
          return { channel: name, delivered: true, error: null };
        } catch (error) {
          return { channel: name, delivered: false, error: messageOf(error) };
        }
      }),
    );
  }

  async flush(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  /** Never rejects. */
  async #raise(event: AlertEvent, name: string): Promise<void> {
    if (!(await this.#claim(name))) return;
    const { logger } = this.#deps;
    logger.warn({ alert: event.kind, subject: event.subject, severity: event.severity, ...event.details }, event.message);
    for (const channel of this.#channelsOf(event, false)) this.#track(this.#deliver(channel, event));
  }

  /** Whether this process is the first to raise the event. */
  async #claim(name: string): Promise<boolean> {
    const { store, clock, logger } = this.#deps;
    for (let attempt = 0; ; attempt++) {
      try {
        const { numInsertedOrUpdatedRows } = await store.db
          .insertInto("alerts_raised")
          .values({ name, raised_ms: clock.now() })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (!this.#hasSwept) await this.#sweep();
        return numInsertedOrUpdatedRows === 1n;
      } catch (error) {
        const waitMs = claimRetryMs[attempt];
        if (waitMs === undefined || this.#isClosed) {
          logger.error(
            { alert: name, error: messageOf(error) },
            "an alert is lost: the database does not say whether it was raised before",
          );
          return false;
        }
        await this.#wait(waitMs);
      }
    }
  }

  async #sweep(): Promise<void> {
    this.#hasSwept = true;
    const { store, clock } = this.#deps;
    await store.db
      .deleteFrom("alerts_raised")
      .where("raised_ms", "<", clock.now() - keptMs)
      .execute();
  }

  /** Never rejects. */
  async #deliver({ name, send }: Channel, { kind }: AlertEvent): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await send();
      } catch (error) {
        const waitMs = error instanceof RefusedError ? undefined : retryMs[attempt];
        if (waitMs === undefined || this.#isClosed) {
          this.#deps.logger.error({ alert: kind, channel: name, error: messageOf(error) }, "an alert could not be sent");
          return;
        }
        await this.#wait(waitMs);
      }
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#waits.delete(end);
        resolve();
      };
      const cancel = this.#schedule(ms, end);
      this.#waits.add(end);
    });
  }

  #channelsOf(event: AlertEvent, isTest: boolean): readonly Channel[] {
    const { settings, sender } = this.#deps;
    const { webhooks, email } = settings();
    const wanted = webhooks.filter(({ events }) => isTest || events === undefined || events.includes(event.kind));
    const channels = wanted.map((hook): Channel => ({ name: `webhook ${hook.name}`, send: () => this.#post(hook, event) }));
    if (email === undefined) return channels;
    const subject = `[tokligence] ${event.kind.replaceAll("_", " ")}: ${event.subject}`.slice(0, 200);
    return [...channels, { name: "email", send: () => sender.mail(email, subject, plainText(event)) }];
  }

  async #post(hook: WebhookSettings, event: AlertEvent): Promise<void> {
    const { headers, body } = writeWebhook(event, hook, this.#deps.clock.now());
    const status = await this.#deps.sender.post(`alerts.webhooks.${hook.name}`, hook.url.reveal(), headers, body);
    if (status >= 200 && status < 300) return;
    const message = `the webhook answered ${status}`;
    throw status >= 400 && status < 500 && status !== 408 && status !== 429 ? new RefusedError(message) : new Error(message);
  }
}

interface Channel {
  readonly name: string;
  /** @throws Error; `RefusedError` if another try is in vain. */
  readonly send: () => Promise<void>;
}

/** The webhook understood the message, and does not want it. */
class RefusedError extends Error {}
