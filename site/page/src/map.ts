// Who reaches whom, as it was measured last: drawn, as a table, and in words.

import * as api from "./api";
import { fill, h, picture, put, remembered, say, unseen } from "./dom";
import { failure, problem } from "./notice";
import { spoken, tr } from "./words";

export class MapView {
  readonly element: HTMLElement;
  private readonly body = h("div", { class: "map-body" });
  private readonly drawing = h("div", { class: "drawing" });
  private readonly table = h("div", { class: "table" });
  private readonly lines = h("ul", { class: "lines" });
  private readonly changes = h("div", { class: "changes", role: "status" });
  private readonly faults = h("ul", { class: "faults" });
  private readonly trouble = h("div", { role: "status" });
  private readonly when = h("span", { class: "when" });
  private readonly fold: HTMLDetailsElement;
  private asking = false;
  private stale = true;
  private over = false;
  private svg = "";
  private said = "";
  private readonly seen = () => void this.ask();

  constructor(private readonly name: string) {
    const words = h("details", {}, h("summary", {}, tr("In words")), this.lines);
    put(this.body, this.trouble, this.faults, this.changes, this.drawing, this.table, words);
    this.fold = h(
      "details",
      { class: "fold" },
      h("summary", {}, h("h2", {}, tr("Map: who reaches whom")), this.when),
      this.body,
    );
    this.fold.open = remembered.get("map") !== "closed";
    this.fold.addEventListener("toggle", () => {
      remembered.set("map", this.fold.open ? "open" : "closed");
      void this.ask();
    });
    this.element = h("section", { class: "pane map", "aria-label": tr("Map") }, this.fold);
    document.addEventListener("visibilitychange", this.seen);
    void this.ask();
  }

  /** Something in the lab has changed: measure again, once, however often it is said. */
  changed(): void {
    this.stale = true;
    void this.ask();
  }

  destroy(): void {
    this.over = true;
    document.removeEventListener("visibilitychange", this.seen);
  }

  private async ask(): Promise<void> {
    if (this.asking || !this.fold.open || document.hidden) return;
    this.asking = true;
    while (this.stale && !this.over) {
      this.stale = false;
      try {
        const found = await api.map(this.name, spoken());
        if (!this.over) this.draw(found);
      } catch (thrown) {
        if (!this.over) fill(this.trouble, problem(failure(thrown)));
      }
    }
    this.asking = false;
  }

  private draw(found: api.ReachMap): void {
    fill(this.trouble);
    if (found.state === "none") {
      say(this.when, tr("nothing was measured yet"));
      return;
    }
    const at = new Date(Date.now() - found.age * 1000);
    say(this.when, tr("measured at {1}", at.toLocaleTimeString(spoken())));
    if (found.svg !== this.svg) {
      this.svg = found.svg;
      const drawn = picture(found.svg);
      if (drawn) fill(this.drawing, h("div", { class: "wide", tabindex: 0 }, drawn));
    }
    const key = JSON.stringify([
      found.tables,
      found.published,
      found.outside,
      found.legend,
      found.notes,
      found.words,
      found.troubles,
    ]);
    if (key !== this.said) {
      this.said = key;
      this.drawTable(found);
      fill(this.faults, ...(found.troubles ?? []).map(faultOf));
      fill(this.lines, ...found.words.map((line) => h("li", {}, line)));
    }
    this.drawChanges(found.changes);
  }

  private drawChanges(changes: string[]): void {
    const key = changes.join("\n");
    if (this.changes.dataset["key"] === key) return;
    this.changes.dataset["key"] = key;
    if (!changes.length) return fill(this.changes);
    const list = h("ul", {}, ...changes.map((line) => h("li", {}, line)));
    fill(this.changes, h("h3", {}, tr("What has changed in this step")), list);
  }

  private drawTable(found: api.ReachMap): void {
    const { legend, notes, published, outside, summary } = found;
    fill(this.table, summary && h("p", {}, summary));
    for (const [protocol, table] of Object.entries(found.tables)) {
      put(this.table, wide(TITLES[protocol] ?? protocol, reachTable(table)));
    }
    if (published.length) {
      const rows = published.map((hole) => [hole.at, hole.target, cellOf({ ...hole, changed: false })]);
      put(this.table, wide("Published ports, tried by the host itself", plain(rows)));
    }
    if (outside.length) {
      const rows = outside.map((way) => [way.container, h("td", {}, way.label)]);
      put(this.table, wide("The way out of the host", plain(rows)));
    }
    const meanings = legend.map(({ word, label, meaning }) =>
      h("div", {}, h("dt", {}, label || word), h("dd", {}, meaning)),
    );
    if (meanings.length) put(this.table, h("dl", { class: "legend" }, ...meanings));
    if (notes.length) put(this.table, h("ul", {}, ...notes.map((note) => h("li", {}, note))));
  }
}

function faultOf({ message, look }: { message: string; look: string }): HTMLElement {
  return h("li", {}, message, look && h("br"), look && h("code", {}, look));
}

/** What stands above each table. */
const TITLES: Record<string, string> = {
  tcp: "TCP: connections",
  udp: "UDP: datagrams",
  icmp: "ICMP: echo requests (ping)",
};

/** A table with its title; wider than its pane, it can be moved with the keyboard. */
function wide(title: string, table: HTMLTableElement): HTMLElement {
  table.prepend(h("caption", {}, tr(title)));
  return h("div", { class: "wide", tabindex: 0 }, table);
}

function reachTable({ columns, rows }: api.Table): HTMLTableElement {
  const head = h("tr", {}, h("th", { scope: "col" }, tr("from \\ to")));
  for (const { target, port, protocol } of columns) {
    const name = target === "host" ? tr("host") : target;
    const kind = protocol && protocol !== "tcp" ? `/${protocol}` : "";
    put(head, h("th", { scope: "col" }, name, port > 0 && h("br"), port > 0 && `:${port}${kind}`));
  }
  const lines = rows.map(({ source, cells }) =>
    h("tr", {}, h("th", { scope: "row" }, source), ...cells.map(cellOf)),
  );
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...lines));
}

/** Rows that begin with what they are about. */
function plain(rows: (string | HTMLElement)[][]): HTMLTableElement {
  const lines = rows.map(([first, ...rest]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, first),
      ...rest.map((cell) => (typeof cell === "string" ? h("td", {}, cell) : cell)),
    ),
  );
  return h("table", {}, h("tbody", {}, ...lines));
}

const OPEN = new Set(["open", "open*", "answers", "arrives"]);

function cellOf({ word, label, changed }: api.Cell): HTMLElement {
  const kind = OPEN.has(word) ? "open" : word === "-" ? "none" : "shut";
  const cell = h("td", { class: changed ? `${kind} changed` : kind }, label || word);
  if (changed) put(cell, h("span", { "aria-hidden": "true" }, " •"), unseen(` (${tr("changed")})`));
  return cell;
}
