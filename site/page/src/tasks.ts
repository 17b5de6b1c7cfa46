// Work that takes a while: what is said of it, as it happens.

import type { LabEvent } from "./api";
import { fill, h, put, say } from "./dom";
import * as news from "./news";
import { count, tr } from "./words";

export interface Task {
  task: string;
  act: string;
}

const underWay = new Map<string, Task>();
/** How the last tasks ended: a quick one has ended before the answer that names it is here. */
const ended = new Map<string, news.Failure | null>();
const REMEMBERED = 50;

/** Remembers what was begun on a lab, for the view that shows it next. */
export function taskStarted(lab: string, task: string, act: string): void {
  if (!ended.has(task)) underWay.set(lab, { task, act });
}

/** Why a task failed, where it has ended and did. */
export const failureOf = (task: string): news.Failure | null => ended.get(task) ?? null;

export const taskOf = (lab: string): Task | undefined => underWay.get(lab);

/** Nothing is being done to a lab any more. */
export const taskEnded = (lab: string): boolean => underWay.delete(lab);

// heard before any view hears it, and also where none shows the lab
news.listen((one) => {
  if (one.kind !== "done") return;
  ended.set(one.task, one.error);
  for (const [oldest] of ended) if (ended.size > REMEMBERED) ended.delete(oldest);
  if (underWay.get(one.lab)?.task === one.task) underWay.delete(one.lab);
});

const STATES: Record<string, string> = {
  planned: "waiting",
  started: "begins",
  done: "done",
  failed: "FAILED",
  note: "note",
};

interface Row {
  event: LabEvent;
  begun: number;
  element: HTMLElement;
  state: HTMLElement;
  clock: HTMLElement;
  detail: HTMLElement;
}

/** A list of what is being made, one row for each thing, with a clock that runs. */
export class Progress {
  readonly element: HTMLElement;
  private readonly rows = new Map<string, Row>();
  private readonly list = h("ol", { class: "work" });
  private readonly summary = h("p", { role: "status" });
  private readonly clock = h("span", { class: "clock" });
  private readonly begun = performance.now();
  private readonly timer: number;

  constructor() {
    this.element = h("div", { class: "tasks" }, this.summary, this.list, this.clock);
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  event(event: LabEvent): void {
    const key = `${event.what} ${event.name}`;
    let row = this.rows.get(key);
    if (!row) {
      row = this.newRow(event);
      this.rows.set(key, row);
      this.list.append(row.element);
    }
    if (row.event.state !== "started" && event.state === "started") row.begun = performance.now();
    row.event = event;
    this.draw(row);
    this.sum();
  }

  destroy(): void {
    clearInterval(this.timer);
  }

  private newRow(event: LabEvent): Row {
    const row = {
      event,
      begun: performance.now(),
      state: h("span", { class: "state" }),
      clock: h("span", { class: "clock" }),
      detail: h("span", { class: "detail" }),
    };
    const name = event.name.split("\n")[0] ?? "";
    const what = h("span", { class: "what" }, `${event.label} `, h("b", {}, name));
    return { ...row, element: h("li", {}, row.state, what, row.clock, row.detail) };
  }

  private draw(row: Row): void {
    const { state, detail, seconds } = row.event;
    row.element.className = state;
    say(row.state, tr(STATES[state] ?? state));
    say(row.detail, detail ?? "");
    const lasted = seconds ?? (state === "started" ? (performance.now() - row.begun) / 1000 : null);
    say(row.clock, lasted === null ? "" : `${lasted.toFixed(seconds === null ? 0 : 1)} s`);
  }

  private sum(): void {
    const rows = [...this.rows.values()].filter((row) => row.event.state !== "note");
    const done = rows.filter((row) => row.event.state === "done").length;
    say(this.summary, tr("{1} of {2} done", done, count(rows.length, "thing", "things")));
  }

  private tick(): void {
    say(this.clock, `${Math.round((performance.now() - this.begun) / 1000)} s`);
    for (const row of this.rows.values()) if (row.event.state === "started") this.draw(row);
  }
}

/** Lines that commands print, as they come. */
export class Output {
  readonly element = h("pre", { class: "output", role: "log", tabindex: 0 });

  constructor(label: string) {
    this.element.setAttribute("aria-label", label);
  }

  clear(): void {
    fill(this.element);
  }

  line(text: string): void {
    const follows =
      this.element.scrollTop + this.element.clientHeight >= this.element.scrollHeight - 4;
    put(this.element, `${text}\n`);
    if (follows) this.element.scrollTop = this.element.scrollHeight;
  }
}
