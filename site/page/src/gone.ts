// What to do about a lab that the engine has lost.

import { button, h } from "./dom";
import type { Failure } from "./news";
import { busy, problem } from "./notice";
import { HOME, go } from "./router";
import { tr } from "./words";

export interface GoneActs {
  /** Makes it anew at the learner's step. */
  again(): Promise<void>;
  /** Ends what is left of it. */
  forget(): Promise<void>;
}

export function goneNotice(found: Failure, acts: GoneActs): HTMLElement {
  const again = button(tr("Make it anew at this step"), () => busy(again, acts.again), {
    class: "primary",
  });
  const forget = button(tr("End it"), () => busy(forget, acts.forget));
  const back = button(tr("All labs"), () => go(HOME));
  return problem(found, h("div", { class: "row" }, again, forget, back));
}
