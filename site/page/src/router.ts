// Addresses of the page: / is the catalogue, /lab/NAME a lab.

import { type Attributes, type Child, h } from "./dom";

let shown: (path: string, moveFocus: boolean) => void = () => undefined;

export function onGo(show: (path: string, moveFocus: boolean) => void): void {
  shown = show;
  addEventListener("popstate", () => shown(location.pathname, true));
}

export function go(path: string): void {
  history.pushState(null, "", path);
  shown(path, true);
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

export const labPath = (name: string): string => `/lab/${encodeURIComponent(name)}`;

/** The lab that an address is of; what cannot be read in it stays, and is the name of none. */
export function labIn(path: string): string | null {
  const name = /^\/lab\/([^/]+)\/?$/.exec(path)?.[1];
  if (!name) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
