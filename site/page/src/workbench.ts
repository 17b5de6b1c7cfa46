// Where a learner works: lesson, terminals and map side by side, or in turn on a narrow screen.

import type * as api from "./api";
import { button, focusOn, h, put } from "./dom";
import { type GoneActs, goneNotice } from "./gone";
import { Lesson } from "./lesson";
import { MapView } from "./map";
import type * as news from "./news";
import { complain } from "./notice";
import { splitter } from "./splitter";
import type { Terminals } from "./terminals";
import { tr } from "./words";

export interface WorkbenchActs extends GoneActs {
  changed(): void;
  stop(): Promise<void>;
  /** A terminal says that its lab is no more; looks whether that is so. */
  lost(): Promise<void>;
}

type Part = "lesson" | "terminals" | "map";

export class Workbench {
  readonly element: HTMLElement;
  private readonly lesson: Lesson;
  private readonly map: MapView;
  private readonly dead = h("div", { role: "alert", class: "dead" });
  private readonly terminalPane: HTMLElement;
  private readonly choices = new Map<Part, HTMLButtonElement>();
  private readonly panes: Map<Part, HTMLElement>;
  private terminals: Terminals | null = null;
  private typedEarly: string[] = [];
  private over = false;
  private readonly keys = (event: KeyboardEvent) => this.key(event);

  constructor(lab: api.LabText, private readonly acts: WorkbenchActs) {
    this.lesson = new Lesson(lab, {
      changed: acts.changed,
      stop: acts.stop,
      type: (text) => this.type(text),
    });
    this.map = new MapView(lab.name);
    this.terminalPane = h("section", {
      class: "pane terminals",
      "aria-label": tr("Terminals"),
    });
    this.panes = new Map<Part, HTMLElement>([
      ["lesson", this.lesson.element],
      ["terminals", this.terminalPane],
      ["map", this.map.element],
    ]);
    const right = h("div", { class: "right" });
    put(right, this.terminalPane);
    put(right, splitter(right, "map", "horizontal", tr("Height of the terminals"), 60));
    put(right, this.map.element);
    const panes = h("div", { class: "panes" }, this.lesson.element);
    put(panes, splitter(panes, "lesson", "vertical", tr("Width of the lesson"), 42), right);
    this.element = h("div", { class: "workbench" }, this.dead, this.partBar(), panes);
    this.turnTo("lesson");
    document.addEventListener("keydown", this.keys);
    void this.loadTerminals(lab);
  }

  private async loadTerminals(lab: api.LabText): Promise<void> {
    try {
      // xterm.js is most of the page: the catalogue does without
      const { Terminals } = await import("./terminals");
      if (this.over) return;
      this.terminals = new Terminals(this.terminalPane, lab, (why) => void this.lost(why));
      for (const text of this.typedEarly) this.terminals.type(text);
    } catch (thrown) {
      complain(thrown);
    }
  }

  update(lab: api.LabText): void {
    this.lesson.update(lab);
    this.terminals?.update(lab);
  }

  hear(one: Extract<news.News, { kind: "event" | "output" }>): void {
    this.lesson.hear(one);
  }

  solved(error: news.Failure | null, result: api.Checked | null): void {
    this.lesson.solved(error, result);
  }

  mapChanged(): void {
    this.map.changed();
  }

  again(): void {
    this.map.changed();
    this.terminals?.retry();
  }

  destroy(): void {
    this.over = true;
    document.removeEventListener("keydown", this.keys);
    this.terminals?.destroy();
    this.map.destroy();
  }

  private type(text: string): void {
    this.turnTo("terminals");
    if (this.terminals) this.terminals.type(text);
    else this.typedEarly.push(text);
  }

  private async lost(why: string): Promise<void> {
    await this.acts.lost();
    if (this.over || this.dead.childElementCount) return;
    const message = why || tr("The engine has lost this lab (a reboot, or it was removed).");
    const hint = tr("It can be made anew at your step; steps before it are solved for you.");
    put(this.dead, goneNotice({ message, hint }, this.acts));
  }

  // --- parts, in turn on a narrow screen ----------------------------------------------------

  private partBar(): HTMLElement {
    const names: [Part, string][] = [
      ["lesson", tr("Lesson")],
      ["terminals", tr("Terminal")],
      ["map", tr("Map")],
    ];
    const bar = h("nav", { class: "parts", "aria-label": tr("Parts of the lab") });
    for (const [part, name] of names) {
      const choice = button(name, () => this.turnTo(part));
      this.choices.set(part, choice);
      put(bar, choice);
    }
    return bar;
  }

  private turnTo(part: Part): void {
    this.element.dataset["part"] = part;
    for (const [name, choice] of this.choices) {
      choice.setAttribute("aria-pressed", String(name === part));
    }
  }

  /** F6 goes round: lesson, terminal, map; with Shift the other way. */
  private key(event: KeyboardEvent): void {
    if (event.key !== "F6" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    const parts = [...this.panes.keys()];
    const here = parts.findIndex((part) => this.panes.get(part)?.contains(document.activeElement));
    const step = event.shiftKey ? parts.length - 1 : 1;
    const next = here < 0 ? 0 : (here + step) % parts.length;
    const part = parts[next];
    if (part) this.enter(part);
  }

  private enter(part: Part): void {
    this.turnTo(part);
    if (part === "terminals" && this.terminals) this.terminals.focus();
    else if (part === "lesson") this.lesson.focus();
    else focusOn(this.panes.get(part)?.querySelector<HTMLElement>("h2") ?? this.terminalPane);
  }
}
