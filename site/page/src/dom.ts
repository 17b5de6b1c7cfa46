// Making and changing elements. Text is only ever set as text; the two exceptions, lessons and
// pictures from the server, come in through `fragment` and `picture`.

import { adopt } from "./styles";

export type Child = Node | string | null | undefined | false;
type Handler = (event: never) => unknown;
export type Attributes = Record<string, string | number | boolean | null | undefined | Handler>;

/** An element: attributes by name, `onclick` and the like as listeners, then its children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as (event: Event) => unknown);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  put(element, ...children);
  return element;
}

/** Adds children, leaving out those that are none. */
export function put(parent: Element | DocumentFragment, ...children: Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Makes these the only children. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  put(parent, ...children);
}

/** Sets text where it differs, so that nothing is read out or selected away for nothing. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function button(text: string, onclick: () => unknown, attributes: Attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, text);
}

/** Text that only a screen reader hears. */
export function unseen(text: string): HTMLElement {
  return h("span", { class: "unseen" }, text);
}

/** HTML that the server has made harmless. */
export function fragment(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

let pictures = 0;
let forget: () => void = () => undefined;
let adopted = "";

/** A picture of the runner's: its rules become the page's, its ids its own. */
export function picture(source: string): Element | null {
  const rules = /<style>([^<]*)<\/style>/.exec(source)?.[1] ?? "";
  const text = source.replace(/<style>[^<]*<\/style>/g, "");
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  const svg = parsed.documentElement;
  if (svg.localName !== "svg" || parsed.querySelector("parsererror")) return null;
  for (const bad of svg.querySelectorAll("script, foreignObject, style")) bad.remove();
  pictures += 1;
  const renamed = (id: string) => `picture-${pictures}-${id}`;
  for (const element of svg.querySelectorAll("[id]")) element.id = renamed(element.id);
  const names = svg.getAttribute("aria-labelledby");
  if (names) svg.setAttribute("aria-labelledby", names.split(" ").map(renamed).join(" "));
  svg.classList.add("picture");
  if (rules && rules !== adopted) {
    forget();
    adopted = rules;
    forget = adopt(scoped(rules));
  }
  return document.importNode(svg, true);
}

/** Rules that hold inside of pictures only. */
function scoped(rules: string): string {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  return [...sheet.cssRules]
    .filter((rule): rule is CSSStyleRule => rule instanceof CSSStyleRule)
    .filter((rule) => rule.selectorText !== ":root")
    .map((rule) => {
      const selectors = rule.selectorText.split(",").map((one) => `.picture ${one.trim()}`);
      return `${selectors.join(", ")} { ${rule.style.cssText} }`;
    })
    .join("\n");
}

/** Puts focus on something that has none by itself, such as a heading. */
export function focusOn(element: HTMLElement): void {
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus();
}

/** What the page remembers in this browser; a browser may refuse. */
export const remembered = {
  get(key: string): string | null {
    try {
      return localStorage.getItem(`labrunner.${key}`);
    } catch {
      return null;
    }
  },
  set(key: string, value: string): void {
    try {
      localStorage.setItem(`labrunner.${key}`, value);
    } catch {
      // private windows may have no storage: the choice holds until the page is closed
    }
  },
};
