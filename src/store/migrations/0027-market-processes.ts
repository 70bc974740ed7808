import type { Migration } from "./migration.ts";

const changes = (integer: string): string => `
alter table market_bought add column clearing text;
alter table market_bought add column process text not null default '';
alter table market_bought add column contests ${integer} not null default 0;
`;

/** Of a lease that is bought: whose books it is in, the process that uses it, and whether its buyer contests what it has not acknowledged. */
export const marketProcesses: Migration = {
  version: 27,
  name: "clearing, process and dispute of leases that are bought",
  sqlite: changes("integer"),
  postgresql: changes("bigint"),
};
