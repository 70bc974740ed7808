/** All rows of a list that comes in pages. */
export async function readAllPages<Row>(
  read: (after: string | undefined) => Promise<{ readonly data: readonly Row[]; readonly next: string | null }>,
): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  do {
    const { data, next } = await read(after);
    rows.push(...data);
    after = next ?? undefined;
  } while (after !== undefined);
  return rows;
}
