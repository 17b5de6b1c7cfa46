// One lab: before its start, while work on it goes on, at work in it, and after its end.

import * as api from "./api";
import { stateOf } from "./catalogue";
import { button, fill, focusOn, fragment, h, picture, put, remembered, say } from "./dom";
import { type GoneActs, goneNotice } from "./gone";
import * as news from "./news";
import { askWith, busy, complain, failure, guarded, problem } from "./notice";
import { HOME, go } from "./router";
import { startForm } from "./start";
import { Output, Progress, type Task, taskEnded, taskOf, taskStarted } from "./tasks";
import type { View } from "./view";
import { spoken, tr } from "./words";
import { Workbench } from "./workbench";

/** What is shown: nothing yet, an offer to start, work under way, a workbench, or an end. */
type Mode = "new" | "idle" | "busy" | "work" | "gone" | "over";

const LOOK_AGAIN = 2000;

export function labView(name: string, offer: (languages: string[]) => void): View {
  return new LabView(name, offer);
}

class LabView implements View {
  readonly element = h("div", { class: "lab" });
  title: string;
  private readonly heading = h("h1", { tabindex: -1 });
  private readonly clock = h("span", { class: "clock", role: "timer" });
  private readonly tools = h("div", { class: "row tools" });
  private readonly body = h("div", { class: "lab-body" });
  private mode: Mode = "new";
  private reading = spoken();
  private first = true;
  private lab: api.LabText | null = null;
  private work: Workbench | null = null;
  private progress: Progress | null = null;
  private output: Output | null = null;
  private shownTask = "";
  private ran = false;
  private failed: news.Failure | null = null;
  private asked = 0;
  private answered = 0;
  private over = false;
  private later: number | undefined;
  private readonly ticking: number;
  private readonly deaf: () => void;

  constructor(
    private readonly name: string,
    private readonly offer: (languages: string[]) => void,
  ) {
    this.title = `${name} – labrunner`;
    say(this.heading, name);
    const head = h("div", { class: "lab-head" }, this.heading, this.clock, this.tools);
    put(this.element, head, this.body);
    this.deaf = news.listen((one) => this.hear(one));
    this.ticking = setInterval(() => this.tick(), 1000);
    this.show();
    void this.refresh();
  }

  again(): void {
    void this.refresh(true);
    this.work?.again();
  }

  destroy(): void {
    this.over = true;
    this.deaf();
    clearInterval(this.ticking);
    clearTimeout(this.later);
    this.leave();
  }

  // --- what is known ----------------------------------------------------------------------

  /** Asks how things are; of several answers the youngest question's counts. */
  private async refresh(missed = false): Promise<void> {
    this.asked += 1;
    const mine = this.asked;
    try {
      const found = await api.lab(this.name, this.reading);
      if (this.over || mine < this.answered) return;
      this.answered = mine;
      if (this.readsOther(found)) return await this.refresh(missed);
      // whatever ended while nothing was heard has ended
      if (missed && !found.tasks?.length) taskEnded(this.name);
      this.apply(found);
    } catch (thrown) {
      if (this.over || mine < this.answered) return;
      if (this.lab) complain(thrown);
      else this.fail(failure(thrown));
    }
  }

  /**
   * A running lab has a language, which its checks speak. A reader who chose one here gets it;
   * otherwise, and later, the page follows the lab. Whether the lesson is to be read again.
   */
  private readsOther(found: api.LabText): boolean {
    const theirs = found.standing?.state === "running" ? found.standing.language : "";
    const first = this.first;
    if (theirs) this.first = false;
    if (!theirs || theirs === found.language || !found.languages.includes(theirs)) return false;
    if (first && remembered.get("language") === found.language) {
      void guarded(() => api.language(this.name, found.language));
      return false;
    }
    this.reading = theirs;
    return true;
  }

  private apply(found: api.LabText): void {
    this.lab = found;
    this.offer(found.languages);
    this.title = `${found.title} – labrunner`;
    document.title = this.title;
    say(this.heading, found.title);
    this.heading.lang = found.language;
    for (const one of found.tasks ?? []) {
      if (one.act !== "solve") taskStarted(this.name, one.task, one.act);
    }
    this.tick();
    this.show();
    this.sayFailure();
    for (const one of found.tasks ?? []) {
      if (one.act !== "solve") for (const event of one.events) this.progress?.event(event);
    }
    this.work?.update(found);
  }

  private now(): Mode {
    const standing = this.lab?.standing;
    const task = taskOf(this.name);
    if (task) return "busy";
    if (!this.lab) return "new";
    if (!standing) return this.ran ? "over" : "idle";
    if (standing.state === "gone") return "gone";
    return standing.state === "running" ? "work" : "busy";
  }

  private hear(one: news.News): void {
    if (one.kind === "ping" || one.lab !== this.name) return;
    if (one.kind === "changed") void this.refresh();
    else if (one.kind === "map") this.mapChanged();
    else if (one.kind === "done") this.done(one);
    else if (this.work) this.work.hear(one);
    else if (one.kind === "event") this.progress?.event(one);
    else this.output?.line(one.line);
  }

  /** What happened on the engine: another map, and perhaps other containers. */
  private mapChanged(): void {
    this.work?.mapChanged();
    void this.refresh();
  }

  private done(one: Extract<news.News, { kind: "done" }>): void {
    if (one.act === "solve") {
      this.work?.solved(one.error, (one.result ?? null) as api.Checked | null);
    } else {
      this.failed = one.error;
    }
    void this.refresh();
  }

  private begun(task: string, act: string): void {
    taskStarted(this.name, task, act);
    // one that has ended already may have failed
    if (taskOf(this.name)) this.failed = null;
    this.show();
  }

  /** What failed is said also where the lab is as it was before, and nothing is drawn anew. */
  private sayFailure(): void {
    if (!this.failed || this.mode === "busy") return;
    complain(new api.ApiError(this.failed.message, this.failed.hint, 0));
    this.failed = null;
  }

  // --- what is shown ----------------------------------------------------------------------

  private show(): void {
    const mode = this.now();
    const task = taskOf(this.name)?.task ?? "";
    if (mode === this.mode && mode !== "new" && (mode !== "busy" || task === this.shownTask)) {
      return;
    }
    const inHand = this.body.contains(document.activeElement) || this.handIsIn(this.tools);
    if (this.mode === "work" || mode === "work") this.ran = true;
    this.leave();
    this.mode = mode;
    this.shownTask = task;
    this.element.dataset["mode"] = mode;
    this.drawTools();
    if (mode === "new") fill(this.body, h("p", { class: "waiting" }, tr("Looking…")));
    else if (mode === "busy") this.drawBusy();
    else if (mode === "work") this.drawWork();
    else if (mode === "gone") this.drawGone();
    else this.drawIdle();
    if (inHand) focusOn(this.heading);
  }

  private handIsIn(element: HTMLElement): boolean {
    return element.contains(document.activeElement);
  }

  private leave(): void {
    this.work?.destroy();
    this.progress?.destroy();
    clearTimeout(this.later);
    this.work = null;
    this.progress = null;
    this.output = null;
  }

  private fail(found: news.Failure): void {
    const back = button(tr("All labs"), () => go(HOME));
    const retry = button(tr("Try again"), () => this.refresh(), { class: "primary" });
    fill(this.body, h("div", { class: "sheet" }, problem(found), row(retry, back)));
  }

  private drawTools(): void {
    const reset = button(tr("Reset…"), () => this.askReset(), { "aria-haspopup": "dialog" });
    const stop = button(tr("Stop…"), () => this.askStop(), { "aria-haspopup": "dialog" });
    fill(this.tools, ...(this.mode === "work" ? [reset, stop] : []));
  }

  private drawBusy(): void {
    const act = taskOf(this.name)?.act ?? actOf(this.lab?.standing ?? null);
    this.progress = new Progress();
    this.output = new Output(tr("What it prints"));
    const sheet = h("div", { class: "sheet" }, h("h2", {}, this.titleOf(act)));
    put(sheet, this.progress.element);
    if (act === "start") {
      const off = button(tr("Call it off"), () => busy(off, () => this.callOff()));
      put(sheet, row(off, button(tr("All labs"), () => go(HOME))));
    }
    if (act === "solve") put(sheet, this.output.element);
    fill(this.body, sheet);
    this.lookLater();
  }

  /** Work that somebody else does, such as `lab` in a terminal, is not told step by step. */
  private lookLater(): void {
    this.later = setTimeout(() => {
      if (this.mode !== "busy") return;
      void this.refresh(true);
      this.lookLater();
    }, LOOK_AGAIN);
  }

  private titleOf(act: string): string {
    if (act === "stop") return tr("Stopping");
    const title = this.lab?.title ?? this.name;
    return act === "reset" ? tr("Resetting {1}", title) : tr("Starting {1}", title);
  }

  private drawWork(): void {
    if (!this.lab) return;
    this.work = new Workbench(this.lab, {
      changed: () => void this.refresh(),
      stop: () => this.askStop(),
      lost: () => this.refresh(),
      again: () => this.reset(true),
      forget: () => this.stop(),
    });
    fill(this.body, this.work.element);
  }

  private drawGone(): void {
    if (!this.lab?.standing) return;
    const found = { message: stateOf(this.lab.standing), hint: "" };
    fill(this.body, h("div", { class: "sheet" }, goneNotice(found, this.goneActs())));
  }

  private goneActs(): GoneActs {
    return { again: () => this.reset(true), forget: () => this.stop() };
  }

  private drawIdle(): void {
    if (!this.lab) return;
    const ended = this.mode === "over";
    const sheet = h("div", { class: "sheet" });
    if (this.failed) put(sheet, problem(this.failed));
    else if (ended) {
      const text = tr("This lab has ended. Nothing of it is left on the engine.");
      put(sheet, h("p", { class: "ended", role: "status" }, text));
    }
    this.failed = null;
    const start = startForm(this.lab, (task) => this.begun(task, "start"));
    put(sheet, row(start, button(tr("All labs"), () => go(HOME))));
    if (!ended) {
      const intro = h("div", { class: "prose", lang: this.lab.language });
      intro.append(fragment(this.lab.intro));
      put(sheet, intro, planOf(this.lab));
    }
    fill(this.body, sheet);
  }

  private tick(): void {
    const standing = this.lab?.standing;
    if (!standing) return say(this.clock, "");
    const seconds = Math.max(0, Math.floor(Date.now() / 1000 - standing.started));
    say(this.clock, tr("started {1} ago", clockText(seconds)));
  }

  // --- what is done -----------------------------------------------------------------------

  private async askReset(): Promise<void> {
    const chosen = await askWith(tr("Reset the lab?"), tr("The lab is made anew; what you did to its containers is lost."), [
      { key: "step", label: tr("Back to the start of this step") },
      { key: "all", label: tr("Begin the whole lab again"), grave: true },
    ]);
    if (chosen) await this.reset(chosen === "step");
  }

  private async reset(step: boolean): Promise<void> {
    await this.act("reset", () => api.reset(this.name, step));
  }

  private async askStop(): Promise<void> {
    const chosen = await askWith(tr("Stop the lab?"), tr("Everything of it is removed, and your progress in it ends."), [
      { key: "stop", label: tr("Stop it"), grave: true },
    ]);
    if (chosen) await this.stop();
  }

  private async stop(): Promise<void> {
    await this.act("stop", () => api.stop(this.name));
  }

  private async callOff(): Promise<void> {
    await api.stop(this.name);
  }

  private async act(act: Task["act"], post: () => Promise<api.Started>): Promise<void> {
    try {
      this.ran = true;
      this.begun((await post()).task, act);
    } catch (thrown) {
      complain(thrown);
    }
  }
}

/** How a lab is meant to be, drawn and in words. */
function planOf(lab: api.LabText): HTMLElement {
  const drawn = lab.plan.svg ? picture(lab.plan.svg) : null;
  const said = [lab.plan.words].flat().join("\n");
  return h(
    "section",
    { class: "plan", "aria-label": tr("How it is meant to be") },
    h("h2", {}, tr("How it is meant to be")),
    drawn && h("div", { class: "drawing", tabindex: 0 }, drawn),
    h("details", {}, h("summary", {}, tr("In words")), h("p", { class: "lines" }, said)),
  );
}

function row(...children: HTMLElement[]): HTMLElement {
  return h("div", { class: "row" }, ...children);
}

function actOf(standing: api.Standing | null): string {
  if (standing?.state === "stopping") return "stop";
  return standing?.state === "resetting" ? "reset" : "start";
}

function clockText(seconds: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}
