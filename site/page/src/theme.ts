// Colours of a terminal, for a light and a dark page; told anew when the reader's choice changes.

import type { ITheme } from "@xterm/xterm";

const LIGHT: ITheme = {
  background: "#ffffff",
  foreground: "#1d2129",
  cursor: "#1d2129",
  cursorAccent: "#ffffff",
  selectionBackground: "#b3d4fc",
  black: "#1d2129",
  red: "#b3261e",
  green: "#1a6b32",
  yellow: "#7a5900",
  blue: "#1f4fbf",
  magenta: "#8a2a8a",
  cyan: "#00636b",
  white: "#5c6370",
  brightBlack: "#5c6370",
  brightRed: "#c4291f",
  brightGreen: "#1e7a39",
  brightYellow: "#8a6500",
  brightBlue: "#2a5bd7",
  brightMagenta: "#9c33a0",
  brightCyan: "#00707a",
  brightWhite: "#1d2129",
};
const DARK: ITheme = {
  background: "#14171c",
  foreground: "#e6e8eb",
  cursor: "#e6e8eb",
  cursorAccent: "#14171c",
  selectionBackground: "#31507a",
  black: "#2a2f38",
  red: "#ff7b72",
  green: "#6fd38a",
  yellow: "#e3b341",
  blue: "#79b0ff",
  magenta: "#d8a4ff",
  cyan: "#5fd7df",
  white: "#e6e8eb",
  brightBlack: "#9aa2ae",
  brightRed: "#ffa198",
  brightGreen: "#8fe3a5",
  brightYellow: "#f2cc60",
  brightBlue: "#a5cbff",
  brightMagenta: "#e6c5ff",
  brightCyan: "#8ae8ee",
  brightWhite: "#ffffff",
};

const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = (): ITheme => (dark.matches ? DARK : LIGHT);

export function onTheme(told: (theme: ITheme) => void): () => void {
  const tell = () => told(theme());
  dark.addEventListener("change", tell);
  return () => dark.removeEventListener("change", tell);
}
