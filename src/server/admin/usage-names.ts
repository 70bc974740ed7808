import type { Accounts } from "../../accounts/index.ts";
import type { EntriesPage, NamedUsageEntry, NamedUsageRow, UsageReport } from "../../ledger/index.ts";

/** A report with the names of its users and keys. The ledger has ids alone, as names may change. */
export async function nameReport(
  accounts: Pick<Accounts, "readNames">,
  report: UsageReport,
): Promise<UsageReport & { readonly rows: readonly NamedUsageRow[] }> {
  const idsOf = (group: "user" | "key"): string[] => report.rows.flatMap((row) => row.group[group] ?? []);
  const names = await accounts.readNames(idsOf("user"), idsOf("key"));
  const namesOf = (group: UsageReport["rows"][number]["group"]): Record<string, string> => {
    const user = nameOf(names.users, group["user"]);
    const key = nameOf(names.keys, group["key"]);
    return { ...(user === null ? {} : { user }), ...(key === null ? {} : { key }) };
  };
  return { ...report, rows: report.rows.map((row) => ({ ...row, names: namesOf(row.group) })) };
}

/** Entries with the names of their users and keys. */
export async function nameEntries(
  accounts: Pick<Accounts, "readNames">,
  page: EntriesPage,
): Promise<EntriesPage & { readonly entries: readonly NamedUsageEntry[] }> {
  const { users, keys } = await accounts.readNames(
    page.entries.map((entry) => entry.user_id),
    page.entries.map((entry) => entry.key_id),
  );
  const entries = page.entries.map((entry) => ({
    ...entry,
    username: nameOf(users, entry.user_id),
    key_name: nameOf(keys, entry.key_id),
  }));
  return { ...page, entries };
}

/** The user `local` has no row. An empty id, as of the key where authentication is off, has no name. */
function nameOf(names: ReadonlyMap<string, string>, id: string | undefined): string | null {
  if (id === undefined || id === "") return null;
  return names.get(id) ?? id;
}
