/**
 * Money as integers. Amounts of entries are nano-USD (10⁻⁹ $). Rates are femto-USD per token (10⁻¹⁵ $): $1 per million tokens is 10⁹ femto-USD per
 * token, so that a rate with nine decimals, such as $0.003625 per million, is exact.
 */
export const femtoPerNano = 1_000_000n;

/** The maximum of the 64-bit column, about 9.2 billion dollars. */
export const maxNanoUsd = 2n ** 63n - 1n;

const rateDecimals = 9;
const dollarDecimals = 15;

/** Femto-USD to nano-USD, rounded half up. The only rounding of an entry's cost. Not for negative amounts. */
export function roundToNano(femtoUsd: bigint): bigint {
  return (femtoUsd + femtoPerNano / 2n) / femtoPerNano;
}

/**
 * Reads US dollars per million tokens, written as a decimal (`0.0375`), as femto-USD per token.
 * @returns `undefined` for any other text: signs, exponents, more than nine decimals, a million dollars or more.
 */
export function parseRate(text: string): bigint | undefined {
  const match = /^(\d{1,6})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  return BigInt(match[1]! + (match[2] ?? "").padEnd(rateDecimals, "0"));
}

/**
 * Reads an amount of US dollars, written as a decimal (`12.50`), as nano-USD.
 * @returns `undefined` for any other text: signs, exponents, more than nine decimals, a billion dollars or more.
 */
export function parseUsd(text: string): bigint | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  return BigInt(match[1]! + (match[2] ?? "").padEnd(9, "0"));
}

/**
 * A rate of a catalogue that stores numbers. The number's shortest decimal is the rate that was meant. Its 10th decimal is rounded half up, which
 * only removes errors of floating-point arithmetic (0.18000000000000002) and cuts periodic decimals (0.08333333333333334).
 */
export function rateOfNumber(usdPerMillion: number): bigint {
  return roundDecimal(String(usdPerMillion), rateDecimals);
}

/** Femto-USD. */
export type FemtoUsd = bigint;

/**
 * Reads US dollars (of a token, a call), written as a decimal with or without an exponent (`2.5e-06`), as femto-USD. Digits beyond are rounded as by `rateOfNumber`.
 * @returns `undefined` for any other text, a sign, or a billion dollars and more.
 */
export function rateOfDollars(text: string): FemtoUsd | undefined {
  return /^\d{1,9}(?:\.\d{1,30})?(?:e[+-]\d{1,2})?$/i.test(text) && Number(text) < 1e9
    ? roundDecimal(text.toLowerCase(), dollarDecimals)
    : undefined;
}

/** US dollars of a number as nano-USD, rounded half up. Not for negative amounts. */
export function nanoOfNumber(usd: number): bigint {
  return roundDecimal(String(usd), 9);
}

function roundDecimal(text: string, decimals: number): bigint {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text);
  if (match === null) throw new RangeError(`A price of "${text}" dollars is not valid.`);
  const digits = match[1]! + (match[2] ?? "");
  const shift = decimals - (match[2] ?? "").length + Number(match[3] ?? 0);
  if (shift >= 0) return BigInt(digits) * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift);
  return (BigInt(digits) + unit / 2n) / unit;
}

/** A rate as a decimal of US dollars per million tokens: `0.0375`. */
export function formatRate(femtoUsd: bigint): string {
  return formatDecimal(femtoUsd, rateDecimals);
}

/** Femto-USD as a decimal of US dollars, of a call or a second, with all its digits: `0.000011111111111`. */
export function formatDollars(femtoUsd: FemtoUsd): string {
  return formatDecimal(femtoUsd, dollarDecimals);
}

/** Reads what `formatDollars` writes; `undefined` for any other text, or a million dollars and more. */
export function parseDollars(text: string): FemtoUsd | undefined {
  const match = /^(\d{1,6})(?:\.(\d{1,15}))?$/.exec(text);
  return match === null ? undefined : BigInt(match[1]! + (match[2] ?? "").padEnd(dollarDecimals, "0"));
}

/** Nano-USD as a decimal string of US dollars, without exponent or trailing zeros: `0.00123`, `12`, `0`. */
export function formatUsd(nanoUsd: bigint): string {
  return nanoUsd === 0n ? "0" : formatDecimal(nanoUsd, 9);
}

function formatDecimal(value: bigint, decimals: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`}`;
}
