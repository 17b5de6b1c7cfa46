// Styles that are made at run time, as constructed sheets: the page's policy forbids others.

/** Adds rules to the document; what comes back takes them out again. */
export function adopt(css: string): () => void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return () => drop(sheet);
}

function drop(sheet: CSSStyleSheet): void {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
}

/**
 * What xterm.js gets where it asks for a <style> element (see build.mjs): an element that holds
 * nothing itself and whose text goes into a sheet.
 */
export function styleLike(): HTMLElement {
  const element = document.createElement("span");
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  let text = "";
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set: (css: string) => {
      text = css;
      sheet.replaceSync(css);
    },
  });
  element.remove = () => {
    drop(sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}
