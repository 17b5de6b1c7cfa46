// What the page shows in its main part.

export interface View {
  element: HTMLElement;
  title: string;
  /** The line to the server is back: what was told meanwhile was missed. */
  again(): void;
  destroy(): void;
}
