const maxTextLength = 256;

/**
 * Text from outside in a form that every database accepts: PostgreSQL refuses NUL, UTF-8 has no lone surrogates, and names are cut to a maximum
 * length. One refused row would block all rows after it.
 */
export function storable(text: string, maxLength = maxTextLength): string {
  const short = text.length > maxLength ? text.slice(0, maxLength) : text;
  return (short.includes("\0") ? short.replaceAll("\0", "\ufffd") : short).toWellFormed();
}
