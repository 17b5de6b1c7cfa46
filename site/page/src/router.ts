// Addresses of the page: / is the catalogue, /lab/NAME a lab.

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

export const labPath = (name: string): string => `/lab/${encodeURIComponent(name)}`;
