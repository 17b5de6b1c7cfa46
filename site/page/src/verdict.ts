// What a check found, in the words of `lab check`.

import type { Checked } from "./api";
import { h, put } from "./dom";
import { tr } from "./words";

const WORDS: Record<Checked["outcome"], string> = {
  passed: "passed",
  not_yet: "not yet",
  ruined: "ruined",
  error: "error",
};
const SIGNS: Record<Checked["outcome"], string> = {
  passed: "✓",
  not_yet: "…",
  ruined: "✗",
  error: "!",
};
/** What is said last: the button that helps, where the command would name another command. */
const ADVICE: Record<Checked["outcome"], string> = {
  passed: "",
  not_yet: "A hint helps: its button is below the step.",
  ruined: "Reset brings you back to the start of this step.",
  error: "This is the lab's fault, not yours. lab doctor looks further.",
};

export function verdict(
  found: Checked,
  title: string,
  language: string,
  acts: HTMLElement[],
): HTMLElement {
  const word = h("b", {}, tr(WORDS[found.outcome]));
  const sign = h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[found.outcome]);
  const block = h(
    "div",
    { class: `verdict ${found.outcome}` },
    h("p", { class: "verdict-title" }, sign, ` ${tr("{1}: {2}", title, "")}`, word),
    h("p", { lang: language }, found.message),
  );
  if (found.outcome !== "passed") {
    const list = h("dl", {});
    const rows: [string, Node | string][] = [
      [tr("expected:"), found.expected],
      [tr("seen:"), found.seen],
      [tr("look:"), found.look && h("code", {}, found.look)],
    ];
    for (const [name, text] of rows) {
      if (text) put(list, h("div", {}, h("dt", {}, name), h("dd", {}, text)));
    }
    put(block, list);
  } else if (!found.following) put(block, h("p", {}, tr("Every step is done.")));
  if (ADVICE[found.outcome]) put(block, h("p", { class: "advice" }, tr(ADVICE[found.outcome])));
  if (acts.length) put(block, h("div", { class: "row" }, ...acts));
  return block;
}
