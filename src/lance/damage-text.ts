/**
 * What is wrong with an entry, for those who list many: an error's text says where the file is and what to do each time.
 *
 * @module
 */

/** The text of an error about the entry under `key`, without the key in front and the advice behind. */
export function withoutAdvice(message: string, key: string): string {
  const text = message.startsWith(`${key}: `) ? message.slice(key.length + 2) : message;
  return text.split("; restore the file")[0] ?? text;
}
