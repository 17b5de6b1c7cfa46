// @ts-check
"use strict";

/**
 * Search over the indexes that labrunner wrote beside this: for each place its address, title,
 * the title of its page, language and beginning; for each word the places where it stands.
 *
 * @typedef {[address: string, title: string, above: string, language: string, shown: string]} Place
 * @typedef {{places: Place[], words: Record<string, string>}} Index
 * @typedef {Map<Place, number>} Scores
 */

(() => {
  const MOST = 40;
  const IN_TITLE = 8;
  const WHOLE_WORD = 2;
  const OWN_LANGUAGE = 1.5;

  /** @type {Index[]} */
  const indexes = /** @type {any} */ (globalThis).labrunnerIndexes;
  const vocabularies = indexes.map((index) => Object.keys(index.words).sort());
  const form = /** @type {HTMLFormElement} */ (document.getElementById("_search"));
  const input = /** @type {HTMLInputElement} */ (document.getElementById("_words"));
  const status = /** @type {HTMLElement} */ (document.getElementById("_status"));
  const results = /** @type {HTMLElement} */ (document.getElementById("_results"));

  /**
   * Small letters without accents, as the index has them.
   * @param {string} text
   */
  const folded = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

  /**
   * Where in a sorted vocabulary the words with this beginning are.
   * @param {string[]} vocabulary
   * @param {string} beginning
   */
  function first(vocabulary, beginning) {
    let low = 0;
    let high = vocabulary.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (vocabulary[middle] < beginning) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The places of all words that begin so, each with how well it fits.
   * @param {string} beginning
   * @returns {Scores}
   */
  function places(beginning) {
    /** @type {Scores} */
    const found = new Map();
    for (const [number, index] of indexes.entries()) {
      const vocabulary = vocabularies[number];
      for (let at = first(vocabulary, beginning); vocabulary[at]?.startsWith(beginning); at += 1) {
        const word = vocabulary[at];
        const weight = word === beginning ? WHOLE_WORD : 1;
        let step = 0;
        for (const part of index.words[word].split(" ")) {
          step += parseInt(part, 36);
          const place = index.places[step];
          const score = weight * (part.endsWith("!") ? IN_TITLE : 1);
          found.set(place, Math.max(found.get(place) ?? 0, score));
        }
      }
    }
    return found;
  }

  /**
   * The places that have all the words, best first.
   * @param {string} typed
   */
  function search(typed) {
    const words = folded(typed).match(/[\p{L}\p{N}_]+/gu) ?? [];
    /** @type {Scores | null} */
    let found = null;
    for (const word of words.filter((one) => one.length > 1)) {
      const here = places(word);
      if (found === null) found = here;
      else {
        for (const [place, score] of found) {
          const more = here.get(place);
          if (more === undefined) found.delete(place);
          else found.set(place, score + more);
        }
      }
    }
    if (found === null) return null;
    const own = document.documentElement.lang;
    return [...found]
      .map(([place, score]) => ({ place, score: place[3] === own ? score * OWN_LANGUAGE : score }))
      .sort((a, b) => b.score - a.score);
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {string} [kind]
   */
  function element(name, text, kind) {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  /** @param {Place} place */
  function result([address, title, above, language, shown]) {
    const item = document.createElement("li");
    item.lang = language;
    const link = /** @type {HTMLAnchorElement} */ (element("a", title));
    link.href = address;
    link.hreflang = language;
    item.append(link);
    if (above && above !== title) item.append(element("p", above, "facts"));
    if (shown) item.append(element("p", shown));
    return item;
  }

  /** @param {number} number */
  function said(number) {
    const { none, one, many, more } = form.dataset;
    const sentence = number === 0 ? none : number === 1 ? one : number > MOST ? more : many;
    return (sentence ?? "").replace("{1}", String(number)).replace("{2}", String(MOST));
  }

  function show() {
    const found = search(input.value);
    results.replaceChildren(...(found ?? []).slice(0, MOST).map(({ place }) => result(place)));
    status.textContent = found === null ? "" : said(found.length);
  }

  document.getElementById("_without")?.remove();
  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("input", show);
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  show();
  input.focus();
})();
