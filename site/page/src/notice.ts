// Saying what went wrong, where it is seen and heard; and asking before something is lost.

import { ApiError } from "./api";
import { button, fill, h, put, say } from "./dom";
import { tr } from "./words";
import type { Failure } from "./news";

/** Message and hint of whatever was thrown. */
export function failure(thrown: unknown): Failure {
  if (thrown instanceof ApiError) return { message: thrown.message, hint: thrown.hint };
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { message: tr("Something in this page failed: {1}", message), hint: tr("Reload it.") };
}

/** A failure as a block of text. */
export function problem({ message, hint }: Failure, ...more: Node[]): HTMLElement {
  const block = h("div", { class: "problem" }, h("p", { class: "problem-title" }, message));
  if (hint) put(block, h("p", {}, hint));
  put(block, ...more);
  return block;
}

const notices = h("div", { class: "notices", role: "alert" });

/** Shows a failure until it is put away, or another of the same words comes. */
export function complain(thrown: unknown): void {
  const found = failure(thrown);
  for (const old of [...notices.children]) {
    if (old.firstChild?.textContent === found.message) old.remove();
  }
  const block = problem(found);
  put(block, button(tr("Close this message"), () => block.remove()));
  notices.append(block);
}

/** Runs something; what it throws is shown. */
export async function guarded(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    complain(thrown);
  }
}

/** A button that is busy while its work goes on, and cannot be pressed twice. */
export async function busy(element: HTMLButtonElement, work: () => Promise<unknown>) {
  if (element.getAttribute("aria-disabled") === "true") return;
  element.setAttribute("aria-disabled", "true");
  element.setAttribute("aria-busy", "true");
  await guarded(work);
  element.removeAttribute("aria-disabled");
  element.removeAttribute("aria-busy");
}

const spoken = h("div", { class: "unseen", role: "status" });

/** Says something to who does not see the page. */
export function announce(text: string): void {
  say(spoken, "");
  requestAnimationFrame(() => say(spoken, text));
}

interface Answer {
  key: string;
  label: string;
  grave?: boolean;
}

/** Asks; gives the chosen answer's key, or null. */
function ask(title: string, what: HTMLElement[], answers: Answer[]): Promise<string | null> {
  return new Promise((resolve) => {
    const heading = h("h2", { id: "question" }, title);
    const dialog = h("dialog", { "aria-labelledby": "question" }, heading, ...what);
    const row = h("div", { class: "row" });
    for (const { key, label, grave } of answers) {
      put(row, button(label, () => dialog.close(key), { class: grave ? "grave" : "primary" }));
    }
    put(row, button(tr("Cancel"), () => dialog.close("")));
    put(dialog, row);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Asks with buttons; gives the chosen one's key, or null. */
export function askWith(title: string, text: string, choices: Answer[]): Promise<string | null> {
  return ask(title, [h("p", {}, text)], choices);
}

/** Asks for text, for browsers that do not let a page read the clipboard. */
export async function askText(title: string, label: string, go: string): Promise<string | null> {
  const area = h("textarea", { rows: 4, id: "asked-text" });
  const what = [h("label", { for: area.id }, label), area];
  const chosen = ask(title, what, [{ key: "go", label: go }]);
  area.focus();
  return (await chosen) ? area.value : null;
}

/** The places where these are shown; put into the page once. */
export function places(): HTMLElement[] {
  fill(spoken);
  return [notices, spoken];
}
