import { GatewayError } from "../../core/index.ts";

const pattern = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;
const mostWindows = 8;

/** Windows of a day of UTC, as in `20:00-07:00`, which goes past midnight. @throws GatewayError `invalid_request` */
export function checkHours(hours: readonly string[]): readonly string[] {
  if (hours.length <= mostWindows && hours.every((window) => pattern.test(window))) return hours;
  throw new GatewayError("invalid_request", `"hours" must be at most ${mostWindows} windows of UTC, as in 20:00-07:00.`, {
    param: "hours",
  });
}

export function isOpen(hours: readonly string[], nowMs: number): boolean {
  const minute = Math.floor(nowMs / 60_000) % 1440;
  return hours.some((window) => {
    const [, h1, m1, h2, m2] = pattern.exec(window) ?? [];
    if (h1 === undefined) return false;
    const [from, to] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)];
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  });
}
