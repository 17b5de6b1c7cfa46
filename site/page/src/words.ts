// The page's own sentences: English is written where it is said, the server has the others.

import { remembered } from "./dom";

let table: Record<string, string> = {};
let language = "en";

export const spoken = (): string => language;

/** The language that the reader chose, or that the browser asks for. */
export function wanted(): string {
  return remembered.get("language") ?? (navigator.language || "en").split("-")[0] ?? "en";
}

/** From now on `tr` gives this language; what it has no words for stays English. */
export function speak(chosen: string, words: Record<string, string>): void {
  table = words;
  language = chosen;
  document.documentElement.lang = chosen;
}

/** A sentence with `{1}`, `{2}` … filled in. */
export function tr(english: string, ...values: (string | number)[]): string {
  const sentence = table[english] ?? english;
  return sentence.replace(/\{(\d+)\}/g, (gap, digits: string) => {
    const value = values[Number(digits) - 1];
    return value === undefined ? gap : String(value);
  });
}

/** A number and its noun; French counts nothing as one thing. */
export function count(number: number, one: string, many: string): string {
  const single = number === 1 || (number === 0 && language === "fr");
  return `${number} ${tr(single ? one : many)}`;
}

/** The name of a language in itself. */
export function nameOf(code: string): string {
  try {
    const name = new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code;
    return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
  } catch {
    return code;
  }
}
