import type { ChainedEntry } from "./entry.ts";

/** OCSF 1.3, class API Activity (schema.ocsf.io, November 2026). */
const classUid = 6003;
const activities: readonly (readonly [RegExp, number])[] = [
  [/\.create$|\.set$/, 1],
  [/\.(?:update|enable|disable|reprice|reload|loaded)$/, 3],
  [/\.(?:revoke|remove|delete)$/, 4],
];
const otherActivity = 99;

/** An entry as an event for a SIEM, in the form of OCSF. */
export function ocsfEvent(entry: ChainedEntry, version: string): object {
  const activity = activities.find(([pattern]) => pattern.test(entry.action))?.[1] ?? otherActivity;
  const [uid = "", ...name] = entry.actor.split(" ");
  return {
    class_uid: classUid,
    category_uid: 6,
    activity_id: activity,
    type_uid: classUid * 100 + activity,
    time: entry.timeMs,
    severity_id: 1,
    status_id: entry.outcome === "ok" ? 1 : 2,
    ...(entry.outcome === "ok" ? {} : { status_code: entry.outcome }),
    metadata: { version: "1.3.0", uid: String(entry.seq), product: { name: "Tokligence Gateway", vendor_name: "Tokligence", version } },
    actor: { user: { uid, name: name.join(" "), ...(entry.keyId === "" ? {} : { credential_uid: entry.keyId }) } },
    api: { operation: entry.action, service: { name: entry.kind } },
    src_endpoint: { ...(entry.address === "" ? {} : { ip: entry.address }), svc_name: entry.channel },
    ...(entry.subject === "" ? {} : { resources: [{ uid: entry.subject }] }),
    unmapped: { hash: entry.hash, before: entry.before, after: entry.after, details: entry.details },
  };
}
