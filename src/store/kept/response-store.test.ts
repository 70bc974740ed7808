import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { describeResponseStore } from "./describe-response-store.test.ts";
import { makePostgres } from "../postgres/under-test.test.ts";
import { makeSqlite } from "../sqlite/under-test.test.ts";

describeResponseStore("SQLite", makeSqlite);
describeResponseStore("PostgreSQL", makePostgres, withoutPostgres);
