export * from "./active-attempt.ts";
export * from "./budgets/budget-admin.ts";
export * from "./budgets/budget-ceiling.ts";
export type { BudgetWarning } from "./budgets/budget-reservations.ts";
export * from "./budgets/budget-settle.ts";
export * from "./budgets/budget-types.ts";
export * from "./budgets/budgets.ts";
export { costsNothing, highestCost, highestCostOfRow } from "./prices/charge.ts";
export * from "./journal/descriptor-reserve.ts";
export * from "./journal/disk.ts";
export * from "./reports/entries.ts";
export * from "./entries/entry-bodies.ts";
export * from "./reports/export.ts";
export * from "./ingest/ingest.ts";
export * from "./journal/journal.ts";
export * from "./journal/journal-file.ts";
export * from "./journal/journal-files.ts";
export { readWaitingRecords, type WaitingRecord } from "./journal/journal-scan.ts";
export * from "./ledger.ts";
export * from "./ingest/message-sink.ts";
export * from "./money.ts";
export * from "./prices/price-catalogue.ts";
export { listedFacts } from "./prices/describe-price.ts";
export { readPriceList, type PriceList } from "./prices/price-list.ts";
export * from "./prices/price-file.ts";
export * from "./prices/price-overrides.ts";
export * from "./prices/price-sheet.ts";
export * from "./prices/bill.ts";
export * from "./prices/rates.ts";
export type { UsageFilter, UsageGroup } from "./reports/report-query.ts";
export * from "./reports/reports.ts";
export * from "./price-admin.ts";
export { correctBill, type LateBill } from "./correct-bill.ts";
export type { RepriceResult } from "./reprice.ts";
export * from "./retention.ts";
export { compareReport, type Compared, type LedgerLine } from "./reconcile/compare.ts";
export { readCsv } from "./reconcile/read-csv.ts";
export { isReportVendor, readVendorReport, type ReportVendor } from "./reconcile/read-report.ts";
export * from "./rollups/rollup.ts";
export * from "./entries/sink.ts";
export { isSupplyUser, supplyUserId } from "./entries/supply.ts";
export * from "./types.ts";
export * from "./prices/unpriced-alarm.ts";
export * from "./prices/unpriced-step.ts";
export * from "./entries/usage-row.ts";
export { pricesFileSchema, pricesSchema } from "./prices/section.ts";
export { ledgerSchema, readLedger, type BodySettings, type LedgerSection } from "./section.ts";
export { clampUsage } from "./entries/clamp-usage.ts";
export {
  createPerformanceReports,
  type ModelHistory,
  type ModelPerformance,
  type PerformanceReports,
} from "./performance/performance-reports.ts";
export { createPerformanceWatch, type PerformanceWatch } from "./performance/performance-watch.ts";
export { amountText, changeSentence, differenceText, subjectOfChange, type ModelChange } from "./performance/stored-change.ts";
export { measureNames, measures, type Measure } from "./performance/measures.ts";
export { CanaryStore, type CanaryTarget } from "./performance/canary-store.ts";
export { canaryUser } from "./performance/count-hour.ts";
