export type { AlertEvent, AlertKind } from "./alert-event.ts";
export { createAlerts, type Alerts, type AlertSender, type Delivery } from "./alerts.ts";
export { alertsSchema, readAlerts, type AlertsSection, type EmailSettings } from "./section.ts";
export { findUnusualSpend } from "./spend-watch.ts";
