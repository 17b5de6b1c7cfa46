// Addresses of the page: ./ is the catalogue, ?lab=NAME a lab. Like all addresses that the page
// has they are relative: it does not know below which path it is served.

import { type Attributes, type Child, h } from "./dom";

export const HOME = "./";

let shown: (moveFocus: boolean) => void = () => undefined;

export function onGo(show: (moveFocus: boolean) => void): void {
  shown = show;
  addEventListener("popstate", () => shown(true));
}

export function go(path: string): void {
  history.pushState(null, "", path);
  shown(true);
  scrollTo(0, 0);
}

/** A link to another view; with Ctrl and the like it opens elsewhere, as every link does. */
export function linkTo(path: string, attributes: Attributes, ...children: Child[]) {
  const link = h("a", { href: path, ...attributes }, ...children);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(path);
  });
  return link;
}

export const labPath = (name: string): string => `?lab=${encodeURIComponent(name)}`;

/** The lab that is looked at; none in the catalogue. */
export const labHere = (): string | null => new URLSearchParams(location.search).get("lab");
