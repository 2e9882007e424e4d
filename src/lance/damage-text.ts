/**
 * What is wrong with an entry, for those who list many: an error's text says where the file is and what to do each time.
 *
 * @module
 */
import { COLUMNS_ADVICE, DAMAGE_ADVICE } from "./entry-frame.js";

/** The text of an error about the entry under `key`, without the key in front and the advice behind. */
export function withoutAdvice(message: string, key: string): string {
  const text = message.startsWith(`${key}: `) ? message.slice(key.length + 2) : message;
  const advice = [DAMAGE_ADVICE, COLUMNS_ADVICE].find((one) => text.endsWith(`; ${one}`));
  return advice === undefined ? text : text.slice(0, -advice.length - 2);
}
