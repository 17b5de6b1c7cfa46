// The terminals of a lab: tabs for the lab's shell, its host and its containers.

import * as api from "./api";
import { clipboardText } from "./clipboard";
import { button, fill, h, put, remembered } from "./dom";
import { complain, guarded } from "./notice";
import { Terminal } from "./terminal";
import { tr } from "./words";

interface Tab {
  terminal: Terminal;
  tab: HTMLButtonElement;
}

/** Keys that the keyboard of a phone lacks: name, what is sent. */
const TOUCH_KEYS: [string, string][] = [
  ["Esc", "\x1b"],
  ["Tab", "\t"],
  ["Ctrl-C", "\x03"],
  ["Ctrl-D", "\x04"],
  ["↑", "\x1b[A"],
  ["↓", "\x1b[B"],
];

let ids = 0;

export class Terminals {
  private readonly tabs: Tab[] = [];
  private readonly list = h("div", { role: "tablist", "aria-label": tr("Open terminals") });
  private readonly panels = h("div", { class: "panels" });
  private readonly menu: HTMLDetailsElement;
  private readonly offers = h("div", { class: "menu" });
  private readonly closer: HTMLButtonElement;
  private current: Tab | null = null;
  private offered = "";
  private over = false;
  private restored = false;
  private early: string[] = [];
  private readonly outside = (event: Event) => {
    if (!this.menu.contains(event.target as Node)) this.menu.open = false;
  };

  constructor(
    place: HTMLElement,
    private lab: api.LabText,
    private readonly lost: (why: string) => void,
  ) {
    this.menu = h(
      "details",
      { class: "opener" },
      h("summary", { "aria-label": tr("New terminal") }, h("span", {}, "+ "), tr("New")),
      this.offers,
    );
    this.menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.menu.open) return;
      this.menu.open = false;
      this.menu.querySelector("summary")?.focus();
    });
    document.addEventListener("pointerdown", this.outside);
    this.closer = button(tr("Close"), () => this.closeCurrent());
    this.list.addEventListener("keydown", (event) => this.key(event));
    const heading = h("h2", { class: "unseen" }, tr("Terminals"));
    const bar = h("div", { class: "terminal-bar" }, this.list, this.menu, this.tools());
    const help = h("p", { class: "terminal-help" }, tr("F6 leaves the terminal; Tab is the shell's. Copy and paste: Ctrl+Shift+C and V."));
    fill(place, heading, bar, this.panels, this.touchKeys(), help);
    this.update(lab);
    void this.restore();
  }

  update(lab: api.LabText): void {
    this.lab = lab;
    const places = ["shell", "host", ...lab.containers.map((name) => `container:${name}`)];
    if (places.join() === this.offered) return;
    this.offered = places.join();
    fill(
      this.offers,
      ...places.map((place) => button(titleOf(place), () => this.chosen(place), { class: "offer" })),
    );
  }

  focus(): void {
    if (this.current) this.current.terminal.focus();
    else this.menu.querySelector("summary")?.focus();
  }

  /** Types into the terminal that is shown; where it has ended or was closed, into a shell. */
  type(text: string): void {
    if (!this.restored) {
      this.early.push(text);
      return;
    }
    if (!this.current || this.current.terminal.isDead) {
      const shell = this.tabs.find((tab) => tab.terminal.place === "shell" && !tab.terminal.isDead);
      if (shell) this.show(shell);
      else this.open("shell", "", titleOf("shell"), true);
    }
    this.current?.terminal.type(text);
    this.focus();
  }

  retry(): void {
    for (const { terminal } of this.tabs) terminal.retry();
  }

  destroy(): void {
    this.over = true;
    document.removeEventListener("pointerdown", this.outside);
    for (const { terminal } of this.tabs) terminal.destroy();
  }

  // --- tabs ---------------------------------------------------------------------------------

  /** The terminals that were open before the page was loaded anew; a shell where none was. */
  private async restore(): Promise<void> {
    let before: api.TerminalTab[] = [];
    try {
      before = (await api.terminals(this.lab.name)).terminals;
    } catch (thrown) {
      complain(thrown);
    }
    if (this.over) return;
    for (const { session, place } of before) this.open(place, session, titleOf(place), false);
    if (!this.tabs.length) this.open("shell", "", titleOf("shell"), true);
    const first = this.tabs[0];
    if (first && !this.current) this.show(first);
    this.restored = true;
    for (const text of this.early.splice(0)) this.type(text);
  }

  private chosen(place: string): void {
    this.menu.open = false;
    this.open(place, "", titleOf(place), true);
    this.focus();
  }

  private open(place: string, session: string, name: string, show: boolean): void {
    ids += 1;
    const same = this.tabs.filter((tab) => tab.terminal.place === place).length;
    const title = same ? `${name} ${same + 1}` : name;
    const terminal = new Terminal(this.lab.name, place, title, session, {
      lost: (why) => this.lost(why),
      ended: () => this.drawCloser(),
    });
    const id = `terminal-${ids}`;
    const tab = button(title, () => {
      this.show(made);
      made.terminal.focus();
    }, { role: "tab", id: `${id}-tab`, "aria-controls": id, "aria-selected": "false" });
    terminal.panel.id = id;
    terminal.panel.setAttribute("role", "tabpanel");
    terminal.panel.setAttribute("aria-labelledby", tab.id);
    terminal.panel.hidden = true;
    const made = { terminal, tab };
    this.tabs.push(made);
    this.list.append(tab);
    this.panels.append(terminal.panel);
    terminal.readAloud(remembered.get("aloud") === "yes");
    if (show) this.show(made);
  }

  private show(wanted: Tab): void {
    this.current = wanted;
    for (const one of this.tabs) {
      const here = one === wanted;
      one.terminal.panel.hidden = !here;
      one.tab.setAttribute("aria-selected", String(here));
      one.tab.tabIndex = here ? 0 : -1;
    }
    this.drawCloser();
  }

  private drawCloser(): void {
    this.closer.hidden = !this.current;
    if (!this.current) return;
    this.closer.setAttribute("aria-label", tr("Close {1}", this.current.terminal.title));
  }

  private closeCurrent(): void {
    const gone = this.current;
    if (!gone) return;
    const at = this.tabs.indexOf(gone);
    this.tabs.splice(at, 1);
    gone.tab.remove();
    gone.terminal.hangUp();
    gone.terminal.panel.remove();
    this.current = null;
    const next = this.tabs[Math.min(at, this.tabs.length - 1)];
    if (next) {
      this.show(next);
      next.tab.focus();
    } else {
      this.drawCloser();
      this.menu.querySelector("summary")?.focus();
    }
  }

  /** Arrow keys go along the tabs. */
  private key(event: KeyboardEvent): void {
    const here = this.tabs.findIndex((tab) => tab.tab === document.activeElement);
    const last = this.tabs.length - 1;
    const moves: Record<string, number> = {
      ArrowRight: here === last ? 0 : here + 1,
      ArrowLeft: here === 0 ? last : here - 1,
      Home: 0,
      End: last,
    };
    const next = this.tabs[moves[event.key] ?? -1];
    if (here < 0 || !next) return;
    event.preventDefault();
    this.show(next);
    next.tab.focus();
  }

  // --- tools --------------------------------------------------------------------------------

  private tools(): HTMLElement {
    const aloud = h("input", { type: "checkbox", id: "aloud" });
    aloud.checked = remembered.get("aloud") === "yes";
    aloud.addEventListener("change", () => {
      remembered.set("aloud", aloud.checked ? "yes" : "no");
      for (const { terminal } of this.tabs) terminal.readAloud(aloud.checked);
    });
    const label = h("label", { for: "aloud" }, tr("For screen readers"));
    return h(
      "div",
      { class: "terminal-tools" },
      h("span", { class: "tick" }, aloud, label),
      button(tr("Copy"), () => this.current?.terminal.copy(), {
        "aria-label": tr("Copy what is marked in the terminal"),
      }),
      button(tr("Paste"), () => guarded(() => this.paste()), {
        "aria-label": tr("Paste into the terminal"),
      }),
      this.closer,
    );
  }

  private async paste(): Promise<void> {
    const text = await clipboardText();
    if (text) this.current?.terminal.type(text);
    this.focus();
  }

  private touchKeys(): HTMLElement {
    const bar = h("div", { class: "touch-keys", role: "group", "aria-label": tr("Keys") });
    for (const [name, keys] of TOUCH_KEYS) {
      const key = button(name, () => this.current?.terminal.keys(keys));
      // the screen keyboard stays where the focus does
      key.addEventListener("pointerdown", (event) => event.preventDefault());
      put(bar, key);
    }
    return bar;
  }
}

function titleOf(place: string): string {
  if (place === "shell") return tr("shell");
  return place === "host" ? tr("host") : place.replace(/^container:/, "");
}
