// A bar between two panes that moves with the mouse, a finger or the arrow keys.

import { h, remembered } from "./dom";

const LEAST = 20;
const MOST = 80;
const STEP = 2;

/**
 * Makes the bar; the share of the first pane is in `--share` of what holds both.
 *
 * @param holder what holds both panes.
 * @param name under which the share is remembered.
 * @param kind vertical: panes side by side; horizontal: one above the other.
 * @param usual the share of the first pane in percent.
 */
export function splitter(
  holder: HTMLElement,
  name: string,
  kind: "vertical" | "horizontal",
  label: string,
  usual: number,
): HTMLElement {
  const bar = h("div", {
    class: `splitter ${kind}`,
    role: "separator",
    tabindex: 0,
    "aria-orientation": kind,
    "aria-label": label,
    "aria-valuemin": LEAST,
    "aria-valuemax": MOST,
  });
  let share = usual;

  function set(wanted: number, keep = true): void {
    share = Math.round(Math.min(Math.max(wanted, LEAST), MOST));
    holder.style.setProperty("--share", `${share}%`);
    bar.setAttribute("aria-valuenow", String(share));
    if (keep) remembered.set(`split.${name}`, String(share));
  }

  bar.addEventListener("keydown", (event) => {
    const [less, more] =
      kind === "vertical" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    if (event.key === less) set(share - STEP);
    else if (event.key === more) set(share + STEP);
    else if (event.key === "Home") set(LEAST);
    else if (event.key === "End") set(MOST);
    else if (event.key === "Enter") set(usual);
    else return;
    event.preventDefault();
  });
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
    bar.focus();
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = holder.getBoundingClientRect();
    const part =
      kind === "vertical"
        ? (event.clientX - box.left) / box.width
        : (event.clientY - box.top) / box.height;
    set(part * 100);
  });
  bar.addEventListener("dblclick", () => set(usual));
  set(Number(remembered.get(`split.${name}`)) || usual, false);
  return bar;
}
