/** Anything that is not printable ASCII is percent-encoded (RFC 9110 allows nothing else in a field value). */
export function headerSafe(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value.toWellFormed());
}

/** The longest value of a header of our own; many clients refuse a head of more than 16 KiB. */
const maxValueLength = 2048;

/** The same, cut to a length that every client takes. */
export function boundedHeader(value: string): string {
  const safe = headerSafe(value);
  return safe.length > maxValueLength ? `${safe.slice(0, maxValueLength - 3)}...` : safe;
}
