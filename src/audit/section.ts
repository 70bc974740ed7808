import * as z from "zod";
import { Secret } from "../core/index.ts";
import { flag, leaf, path, resolvePath, type PathBase } from "../settings/index.ts";

const syslogPattern = /^(udp|tcp|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;
const usualPorts = { udp: 514, tcp: 601, tls: 6514 } as const;

/** Where entries go as syslog messages. */
export interface SyslogSettings {
  readonly transport: keyof typeof usualPorts;
  readonly host: string;
  readonly port: number;
}

export const auditSchema = z
  .strictObject({
    enabled: flag("Whether changes by admins, and of the configuration, are written to the audit trail.").prefault(true),
    usage: flag("Whether usage entries are taken into it, in batches.").prefault(true),
    key: path("The file of the key that signs; beside the database if omitted. It is made if it is not there.").optional(),
    head: path("A file that gets each signature, best on another machine's disk; beside the database if omitted.").optional(),
    events: path("A file to which each entry is added as an event in the form of OCSF, one a line; none if omitted.").optional(),
    head_webhook: leaf(z.url({ protocol: /^https?$/ }), {
      kind: "secret",
      description: "A URL that each signature is posted to, as JSON.",
      allowed: "a URL of http or https",
      sensitive: true,
    }).optional(),
    syslog: leaf(z.string().regex(syslogPattern), {
      kind: "text",
      description: "A syslog server that each entry is sent to, as an event in the form of OCSF (RFC 5424).",
      allowed: "udp, tcp or tls, a host and perhaps a port, as in tls://siem.example.com:6514",
    }).optional(),
  })
  .describe("A trail of what was changed and used, which shows tampering. See docs/audit.md.")
  .prefault({});

export type ParsedAudit = z.output<typeof auditSchema>;

export interface AuditSection {
  readonly enabled: boolean;
  readonly usage: boolean;
  readonly key?: string;
  readonly head?: string;
  readonly events?: string;
  readonly headWebhook?: Secret;
  readonly syslog?: SyslogSettings;
}

export function readAudit(
  { enabled, usage, key, head, events, head_webhook: headWebhook, syslog }: ParsedAudit,
  base: PathBase,
): AuditSection {
  return {
    enabled,
    usage,
    ...(key === undefined ? {} : { key: resolvePath(key, base) }),
    ...(head === undefined ? {} : { head: resolvePath(head, base) }),
    ...(events === undefined ? {} : { events: resolvePath(events, base) }),
    ...(headWebhook === undefined ? {} : { headWebhook: new Secret(headWebhook) }),
    ...(syslog === undefined ? {} : { syslog: readSyslog(syslog) }),
  };
}

function readSyslog(text: string): SyslogSettings {
  const [, transport, host = "", port] = syslogPattern.exec(text)!;
  const name = transport as SyslogSettings["transport"];
  return { transport: name, host: host.replaceAll(/^\[|\]$/g, ""), port: port === undefined ? usualPorts[name] : Number(port) };
}
