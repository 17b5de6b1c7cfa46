// The lesson: its steps, the one that is read, hints, solution, and what a check found.

import * as api from "./api";
import { button, fill, focusOn, fragment, h, put, say, unseen } from "./dom";
import type * as news from "./news";
import { announce, busy, complain, guarded, problem } from "./notice";
import { copyText } from "./clipboard";
import { Output } from "./tasks";
import { tr } from "./words";
import { verdict } from "./verdict";

export interface LessonActs {
  changed(): void;
  stop(): Promise<void>;
  type(text: string): void;
}

const INTRODUCTION = "";

/** The hints and the solution of a step that were opened; they stay so when it is drawn again. */
interface Help {
  hints: HTMLDetailsElement[];
  list: HTMLElement;
  more: HTMLButtonElement;
  solution: HTMLDetailsElement;
  output: Output;
}

export class Lesson {
  readonly element: HTMLElement;
  private readonly nav = h("ol", {});
  private readonly where = h("span", {});
  private readonly bar = h("progress", {});
  private readonly follow = h("div", { class: "follow", role: "status" });
  private readonly article = h("article", {});
  private readonly scroller: HTMLElement;
  private readonly found = h("div", { class: "verdict-place", role: "status", tabindex: 0 });
  private readonly back: HTMLButtonElement;
  private readonly next: HTMLButtonElement;
  private readonly checkIt: HTMLButtonElement;
  private readonly links = new Map<string, HTMLButtonElement>();
  private shown = INTRODUCTION;
  private drawn = "";
  private help: Help | null = null;
  private judged = "";

  constructor(
    private lab: api.LabText,
    private readonly acts: LessonActs,
  ) {
    this.back = button(tr("Previous"), () => this.turn(-1));
    this.next = button(tr("Next"), () => this.turn(1));
    this.checkIt = button(tr("Check"), () => busy(this.checkIt, () => this.check()), {
      class: "primary",
    });
    this.bar.setAttribute("aria-label", tr("Steps passed"));
    const steps = h(
      "details",
      { class: "steps" },
      h("summary", {}, this.where, this.bar),
      h("nav", { "aria-label": tr("Steps") }, this.nav),
    );
    this.scroller = h("div", { class: "scroll" }, steps, this.article);
    this.element = h(
      "section",
      { class: "pane lesson", "aria-label": tr("Lesson") },
      this.scroller,
      h(
        "div",
        { class: "foot" },
        this.follow,
        this.found,
        h("div", { class: "row" }, this.back, this.checkIt, this.next),
      ),
    );
    this.shown = this.isFresh() ? INTRODUCTION : (lab.standing?.step ?? this.last());
    this.update(lab);
  }

  /** Nothing was done yet: the introduction comes first. */
  private isFresh(): boolean {
    const standing = this.lab.standing;
    return standing?.step === this.lab.steps[0]?.id && !standing?.attempts;
  }

  private last(): string {
    return this.lab.steps.at(-1)?.id ?? INTRODUCTION;
  }

  focus(): void {
    focusOn(this.article.querySelector("h2") ?? this.article);
  }

  // --- what is known ------------------------------------------------------------------------

  update(lab: api.LabText): void {
    const before = this.lab.standing?.step;
    this.lab = lab;
    this.element.querySelector("article")?.setAttribute("lang", lab.language);
    this.drawSteps();
    this.drawArticle();
    const now = lab.standing?.step;
    if (before !== now && this.shown !== now) this.offerStep();
    if (this.shown === now) fill(this.follow);
  }

  hear(one: Extract<news.News, { kind: "event" | "output" }>): void {
    if (one.kind === "output") this.help?.output.line(one.line);
    else if (one.what === "command" && one.state === "started") {
      this.help?.output.line(`$ ${one.name}`);
    } else if (one.what === "command" && one.detail) this.help?.output.line(`  ${one.detail}`);
  }

  solved(error: news.Failure | null, result: api.Checked | null): void {
    if (error) fill(this.found, problem(error));
    else if (result) this.judge(result);
    else announce(tr("Solved."));
  }

  /** Where the lab has moved on, by `lab check` in a terminal for instance, the page offers to. */
  private offerStep(): void {
    const step = this.current();
    if (!step || this.judged) return;
    const text = tr("You are at step {1} now: {2}", step.number, step.title);
    fill(this.follow, h("span", {}, text), button(tr("Show it"), () => this.open(step.id)));
  }

  private current(): api.StepText | undefined {
    return this.lab.steps.find((step) => step.id === this.lab.standing?.step);
  }

  private step(id: string): api.StepText | undefined {
    return this.lab.steps.find((step) => step.id === id);
  }

  // --- the list of steps --------------------------------------------------------------------

  private drawSteps(): void {
    const { steps, standing } = this.lab;
    const passed = steps.filter((step) => step.passed).length;
    this.bar.max = steps.length;
    this.bar.value = passed;
    say(
      this.where,
      standing?.step
        ? tr("Step {1} of {2}, {3} passed", standing.number, steps.length, passed)
        : tr("Every step is done."),
    );
    this.drawLink(INTRODUCTION, tr("Introduction"), "", false);
    for (const step of steps) {
      this.drawLink(step.id, step.title, `${step.number}. `, step.passed);
    }
    const order = [INTRODUCTION, ...steps.map((step) => step.id)];
    const at = order.indexOf(this.shown);
    enable(this.back, at > 0);
    enable(this.next, at < order.length - 1);
    enable(this.checkIt, this.shown !== INTRODUCTION);
  }

  private drawLink(id: string, title: string, number: string, passed: boolean): void {
    let link = this.links.get(id);
    if (!link) {
      link = button("", () => this.open(id));
      this.links.set(id, link);
      put(this.nav, h("li", {}, link));
    }
    const here = id !== INTRODUCTION && id === this.lab.standing?.step;
    const key = `${number}${title}${passed}${here}`;
    if (link.dataset["key"] !== key) {
      link.dataset["key"] = key;
      const state = passed ? tr("passed") : here ? tr("you are here") : "";
      fill(
        link,
        h("span", { class: "mark", "aria-hidden": "true" }, passed ? "✓" : here ? "→" : ""),
        h("span", { lang: this.lab.language }, `${number}${title}`),
        state && unseen(` (${state})`),
      );
    }
    if (id === this.shown) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }

  private turn(by: number): void {
    const order = [INTRODUCTION, ...this.lab.steps.map((step) => step.id)];
    const next = order[order.indexOf(this.shown) + by];
    if (next !== undefined) this.open(next);
  }

  /** Shows another step, from its beginning. */
  open(id: string): void {
    this.shown = id;
    this.judged = "";
    fill(this.found);
    if (id === this.lab.standing?.step) fill(this.follow);
    this.drawSteps();
    this.drawArticle();
    this.scroller.scrollTop = 0;
    this.focus();
  }

  // --- the step that is read ----------------------------------------------------------------

  private drawArticle(): void {
    const step = this.step(this.shown);
    const key = `${this.shown} ${this.lab.language} ${step?.html ?? this.lab.intro}`;
    if (key !== this.drawn) {
      this.drawn = key;
      this.help = null;
      if (step) this.drawStep(step);
      else this.drawIntroduction();
    }
    if (step) this.drawHelp(step);
  }

  private drawIntroduction(): void {
    const prose = this.prose(this.lab.intro);
    const first = this.current() ?? this.lab.steps[0];
    fill(this.article, h("h2", { tabindex: -1 }, tr("Introduction")), prose);
    if (first) {
      const text = this.isFresh() ? tr("Begin with step 1") : tr("Go to step {1}", first.number);
      put(this.article, button(text, () => this.open(first.id), { class: "primary" }));
    }
  }

  private drawStep(step: api.StepText): void {
    const title = h(
      "h2",
      { tabindex: -1 },
      h("span", { class: "number" }, tr("Step {1} of {2}: ", step.number, this.lab.steps.length)),
      step.title,
    );
    fill(this.article, title, this.prose(step.html));
    this.help = this.newHelp(step);
    put(this.article, this.help.list, this.help.more, this.help.solution);
  }

  private prose(html: string): HTMLElement {
    const prose = h("div", { class: "prose" });
    prose.append(fragment(html));
    this.addTools(prose);
    return prose;
  }

  /** Each command gets buttons: into the terminal, where only Enter is left to press; or copied. */
  private addTools(prose: HTMLElement): void {
    for (const block of prose.querySelectorAll<HTMLElement>("pre[data-command]")) {
      const command = block.dataset["command"] ?? "";
      const label = (text: string) => `${text}: ${command.split("\n")[0] ?? ""}`;
      const type = button(tr("Type"), () => this.acts.type(command), {
        "aria-label": label(tr("Type into the terminal, without Enter")),
        title: tr("Type into the terminal, without Enter"),
      });
      const copy = button(tr("Copy"), () => guarded(() => copyText(command)), {
        "aria-label": label(tr("Copy")),
      });
      const around = h("div", { class: "typeable" });
      block.replaceWith(around);
      around.append(block, h("div", { class: "block-tools" }, type, copy));
    }
  }

  // --- hints and solution -------------------------------------------------------------------

  private newHelp(step: api.StepText): Help {
    const more = button("", () => busy(more, () => this.askHint(step.id)));
    const solution = h("details", { class: "solution" }, h("summary", {}, tr("Solution")));
    solution.addEventListener("toggle", () => {
      if (solution.open && solution.childElementCount === 1) {
        void guarded(() => this.loadSolution(step.id, solution));
      }
    });
    const output = new Output(tr("What the solution prints"));
    return { hints: [], list: h("div", { class: "hints" }), more, solution, output };
  }

  private drawHelp(step: api.StepText): void {
    const help = this.help;
    if (!help) return;
    const { shown, total } = step.hints;
    shown.slice(help.hints.length).forEach((html) => this.addHint(help, html, total, false));
    const number = help.hints.length;
    say(help.more, number ? tr("Next hint ({1} of {2})", number + 1, total) : tr("Hint"));
    help.more.hidden = number >= total;
    help.solution.hidden = !total && !step.html;
  }

  private addHint(help: Help, html: string, total: number, open: boolean): HTMLElement {
    const number = help.hints.length + 1;
    const title = h("summary", {}, tr("Hint {1} of {2}", number, total));
    const hint = h("details", { class: "hint" }, title, this.prose(html));
    hint.open = open;
    help.hints.push(hint);
    put(help.list, hint);
    return title;
  }

  private async askHint(id: string): Promise<void> {
    const hint = await api.hint(this.lab.name, id);
    const help = this.help;
    if (!help || this.shown !== id) return;
    if (hint.number > help.hints.length) this.addHint(help, hint.html, hint.total, true);
    const shown = help.hints[hint.number - 1];
    if (shown) {
      shown.open = true;
      shown.querySelector("summary")?.focus();
    }
    const step = this.step(id);
    if (step) this.drawHelp(step);
    this.acts.changed();
  }

  private async loadSolution(id: string, place: HTMLDetailsElement): Promise<void> {
    const found = await api.solution(this.lab.name, id, this.lab.language);
    if (place.childElementCount > 1) return;
    const solve = button(tr("Have it typed for you"), () => busy(solve, () => this.solve(id)));
    put(place, this.prose(found.html), solve, this.help?.output.element);
  }

  private async solve(id: string): Promise<void> {
    this.help?.output.clear();
    fill(this.found);
    await api.solve(this.lab.name, id);
    announce(tr("The solution is being typed."));
  }

  // --- checks -------------------------------------------------------------------------------

  private async check(): Promise<void> {
    const id = this.shown;
    if (id === INTRODUCTION) return;
    fill(this.found, h("p", { class: "waiting" }, tr("Checking…")));
    try {
      this.judge(await api.check(this.lab.name, id));
    } catch (thrown) {
      fill(this.found);
      complain(thrown);
    }
    this.acts.changed();
  }

  private judge(checked: api.Checked): void {
    const step = this.step(checked.step);
    if (!step) return;
    this.judged = checked.step;
    fill(this.follow);
    const following = checked.following ? this.step(checked.following) : undefined;
    const acts: HTMLElement[] = [];
    if (checked.outcome === "passed" && following) {
      const text = tr("Go to step {1}: {2}", following.number, following.title);
      acts.push(button(text, () => this.open(following.id), { class: "primary" }));
    } else if (checked.outcome === "passed" && !checked.following) {
      acts.push(button(tr("Stop the lab…"), () => this.acts.stop()));
    }
    const look = checked.look && checked.outcome !== "passed" ? checked.look : "";
    if (look) acts.push(button(tr("Type: {1}", look), () => this.acts.type(look)));
    const title = tr("step {1}/{2} {3}", step.number, this.lab.steps.length, step.title);
    fill(this.found, verdict(checked, title, this.lab.language, acts));
  }
}

/** Switched off without losing focus, as a disabled button would. */
function enable(element: HTMLButtonElement, on: boolean): void {
  if (on) element.removeAttribute("aria-disabled");
  else element.setAttribute("aria-disabled", "true");
}
