import { silentLogger, systemClock, systemSchedule } from "../../core/index.ts";
import { Classifier, type ClassifierSettings } from "../../policy/index.ts";
import type { ProtocolTable } from "../../protocols/index.ts";
import { createDestination, createUpstreamClient, fetchJson, type Provider, type UpstreamClient } from "../../upstream/index.ts";

/** A longer answer of a classifier is given up. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** The classifiers of a configuration, over the one way out to the network. */
export interface OutsideClassifiers {
  /** What the client must know to reach them. */
  readonly providers: readonly Provider[];
  /** @param client it has been given the providers. */
  connect(client: Pick<UpstreamClient, "dispatch">): readonly Classifier[];
}

export function createClassifiers(all: readonly ClassifierSettings[]): OutsideClassifiers {
  const destinations = new Map(all.map((settings) => [settings.name, destinationOf(settings)]));
  return {
    providers: [...destinations.values()].map(({ provider }) => provider),
    connect: (client) =>
      all.map(
        (settings) =>
          new Classifier(settings, {
            schedule: systemSchedule,
            post({ name }, body, signal) {
              const { provider, protocol, path } = destinations.get(name)!;
              const headers = ["content-type", "application/json", "accept", "application/json"];
              const request = {
                provider,
                protocol,
                method: "POST",
                path,
                headers,
                key: provider.keys[0],
                body: [Buffer.from(body)],
                stream: false,
              } as const;
              return fetchJson(client, request, maxAnswerBytes, signal);
            },
          }),
      ),
  };
}

/** The classifier's own deadline ends its calls; these only bound what it does not. */
function destinationOf({ name, url, apiKey, deadlineMs }: ClassifierSettings): ReturnType<typeof createDestination> {
  const timeouts = { connectMs: Math.min(3000, deadlineMs), firstByteMs: deadlineMs + 1000, totalMs: deadlineMs + 1000 };
  return createDestination(`firewall.classifiers.${name}`, { url: url.reveal(), timeouts, key: apiKey });
}

/** The same for a command, with a client of its own. */
export async function withClassifiers<T>(
  all: readonly ClassifierSettings[],
  protocols: ProtocolTable,
  work: (classifiers: readonly Classifier[]) => Promise<T>,
): Promise<T> {
  const outside = createClassifiers(all);
  const client = createUpstreamClient({
    providers: outside.providers,
    clock: systemClock,
    logger: silentLogger,
    proxyEnv: process.env,
    credentialHeader: (protocol, key) => protocols.get(protocol)!.credentialHeader(key),
  });
  try {
    await client.warmUp();
    return await work(outside.connect(client));
  } finally {
    await client.close();
  }
}
