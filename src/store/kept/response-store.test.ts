import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { describeResponseStore } from "./response-store-testing.ts";
import { makePostgres } from "../postgres/testing.ts";
import { makeSqlite } from "../sqlite/testing.ts";

describeResponseStore("SQLite", makeSqlite);
describeResponseStore("PostgreSQL", makePostgres, withoutPostgres);
