/**
 * Text from files and from the system, made fit for one line of a terminal.
 *
 * @module
 */

/** Longest text that is shown. */
const MOST_CHARS = 1000;

/** Line breaks, control characters, which a terminal may take for a command, and marks that turn text around. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** `text` on one line: control characters are shown as escapes, and what is past 1,000 characters is cut off. */
export function oneLine(text: string): string {
  const cut = text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text;
  return cut.replace(UNSAFE, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    if (character === "\r") return "\\r";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
