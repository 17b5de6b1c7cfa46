// One terminal: xterm.js at one end of a line to the server, which keeps the session when the
// line breaks.

import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm } from "@xterm/xterm";
import { button, fill, h } from "./dom";
import { copyText } from "./clipboard";
import { Line, address } from "./line";
import { guarded } from "./notice";
import { onTheme, theme } from "./theme";
import { tr } from "./words";

const GATE = 4401;
const NO_SUCH = 4404;
const TAKEN_OVER = 4409;
const LAB_OVER = 4410;
const SEEN = 65536; // bytes that are drawn before the server hears of it
const PIECE = 65536; // bytes that are sent in one message
const FONT = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';

export interface TerminalActs {
  /** The lab is no more. */
  lost(why: string): void;
  /** Its own end has come: nothing more will be typed here. */
  ended(): void;
}

export class Terminal {
  readonly panel: HTMLElement;
  private readonly screen = h("div", { class: "screen" });
  private readonly note = h("div", { class: "note", role: "status" });
  private readonly xterm: Xterm;
  private readonly fit = new FitAddon();
  private readonly sizes: ResizeObserver;
  private readonly unthemed: () => void;
  private line: Line | null = null;
  private session: string;
  private pending: string[] = [];
  private seen = 0;
  /** Bytes of what was printed before, which a program gets no answer to. */
  private replay = 0;
  private mute = 0;
  private ready = false;
  private printed = false;
  private dead = false;
  private opened = false;
  private said = "";

  constructor(
    private readonly lab: string,
    readonly place: string,
    readonly title: string,
    session: string,
    private readonly acts: TerminalActs,
  ) {
    this.session = session;
    this.panel = h("div", { class: "panel" }, this.screen, this.note);
    this.xterm = new Xterm({
      // a blinking cursor draws all the time and delays what is typed
      cursorBlink: false,
      fontFamily: FONT,
      fontSize: 14,
      scrollback: 5000,
      minimumContrastRatio: 4.5,
      theme: theme(),
      macOptionIsMeta: true,
    });
    this.xterm.loadAddon(this.fit);
    this.xterm.attachCustomKeyEventHandler((event) => this.key(event));
    this.xterm.onData((data) => this.send(new TextEncoder().encode(data)));
    this.xterm.onBinary((data) => this.send(Uint8Array.from(data, (c) => c.charCodeAt(0))));
    this.xterm.onResize(() => this.tellSize());
    this.unthemed = onTheme((colours) => (this.xterm.options.theme = colours));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.screen);
    this.connect();
  }

  get sessionId(): string {
    return this.session;
  }

  get isDead(): boolean {
    return this.dead;
  }

  focus(): void {
    // a panel that was just shown has a size only now
    this.resize();
    this.xterm.focus();
  }

  /** Puts text in as if it were pasted: a shell waits for Enter before it does anything. */
  type(text: string): void {
    if (this.ready && this.printed) this.xterm.paste(text);
    else this.pending.push(text);
  }

  /** Sends keys that a screen keyboard lacks. */
  keys(text: string): void {
    this.xterm.input(text, true);
  }

  copy(): Promise<void> {
    return guarded(async () => {
      const text = this.xterm.getSelection();
      if (!text) throw new Error(tr("nothing is marked in the terminal"));
      await copyText(text);
    });
  }

  readAloud(on: boolean): void {
    this.xterm.options.screenReaderMode = on;
  }

  retry(): void {
    this.line?.retry();
  }

  destroy(): void {
    this.line?.close();
    this.sizes.disconnect();
    this.unthemed();
    this.xterm.dispose();
  }

  /** Ends the program in it, for the server at least. */
  hangUp(): void {
    this.line?.send('{"close":true}');
    this.destroy();
  }

  // --- the line -----------------------------------------------------------------------------

  private connect(): void {
    this.say(tr("Connecting…"));
    this.line = new Line({
      address: () => this.address(),
      opened: () => {
        this.seen = 0;
      },
      text: (message) => this.control(JSON.parse(message) as Control),
      binary: (bytes) => this.draw(bytes),
      closed: (code, reason) => this.closed(code, reason),
    });
  }

  private address(): string {
    const query: Record<string, string> = {
      lab: this.lab,
      place: this.place,
      columns: String(this.xterm.cols),
      rows: String(this.xterm.rows),
    };
    if (this.session) query["session"] = this.session;
    return address("ws/terminal", query);
  }

  private control(said: Control): void {
    if (said.session !== undefined) {
      this.session = said.session;
      if (said.again) this.xterm.reset();
      this.replay = said.replay ?? 0;
      this.ready = true;
      this.say("");
      this.tellSize();
    }
    if (said.ended !== undefined) this.end(said.ended, said.why ?? "");
  }

  private draw(bytes: Uint8Array): void {
    const old = bytes.subarray(0, this.replay);
    this.replay -= old.length;
    if (old.length) {
      this.mute += 1;
      this.xterm.write(old, () => {
        this.mute -= 1;
      });
    }
    this.xterm.write(bytes.subarray(old.length), () => this.drawn(bytes.length));
  }

  private drawn(count: number): void {
    this.printed = true;
    // what a shell prints first is its prompt: it is ready to be typed into
    for (const text of this.pending.splice(0)) this.xterm.paste(text);
    this.seen += count;
    if (this.seen < SEEN) return;
    this.line?.send(JSON.stringify({ seen: this.seen }));
    this.seen = 0;
  }

  private closed(code: number, reason: string): boolean {
    this.ready = false;
    if (code === LAB_OVER) this.acts.lost(reason);
    if (this.dead) return false;
    if (code === LAB_OVER || code === NO_SUCH) {
      this.end(null, reason || tr("The lab of this terminal is over."));
      return false;
    }
    if (code === TAKEN_OVER) {
      const back = button(tr("Take it back"), () => this.connect(), { class: "primary" });
      this.say(tr("This terminal is open in another window."), back);
      return false;
    }
    if (code === GATE) {
      this.say(tr("This page may no longer talk to the server."));
      return false;
    }
    const now = button(tr("Try now"), () => this.retry());
    this.say(tr("Reconnecting… The session goes on meanwhile."), now);
    return true;
  }

  private end(code: number | null, why: string): void {
    this.dead = true;
    this.ready = false;
    const text = code === null ? why : tr("It has ended, exit code {1}. {2}", code, why);
    const anew = button(tr("Start it again"), () => this.anew(), { class: "primary" });
    this.say(text || tr("It has ended."), anew);
    this.acts.ended();
  }

  private anew(): void {
    this.line?.close();
    this.dead = false;
    this.session = "";
    this.printed = false;
    this.xterm.reset();
    this.connect();
    this.xterm.focus();
  }

  private say(text: string, act?: HTMLElement): void {
    // said again, its button may have the focus: it does the same
    if (text && text === this.said) return;
    this.said = text;
    const inHand = this.note.contains(document.activeElement);
    fill(this.note, text && h("span", {}, text), act);
    this.note.classList.toggle("shown", Boolean(text));
    if (inHand) this.xterm.focus();
  }

  // --- what is typed, and the size ----------------------------------------------------------

  private send(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.ready || this.mute) return;
    for (let at = 0; at < bytes.length; at += PIECE) {
      this.line?.send(bytes.slice(at, at + PIECE));
    }
  }

  private tellSize(): void {
    if (this.ready) {
      this.line?.send(JSON.stringify({ resize: [this.xterm.cols, this.xterm.rows] }));
    }
  }

  private resize(): void {
    if (!this.screen.clientWidth || !this.screen.clientHeight) return;
    if (!this.opened) {
      this.opened = true;
      this.xterm.open(this.screen);
      this.describe();
    }
    this.fit.fit();
  }

  /** How to leave it without a mouse: Tab belongs to the shell. */
  private describe(): void {
    const input = this.xterm.textarea;
    if (!input) return;
    input.setAttribute("aria-label", tr("Terminal: {1}. F6 leaves it.", this.title));
  }

  /** Whether a key is the terminal's. */
  private key(event: KeyboardEvent): boolean {
    if (event.key === "F6") return false;
    if (!event.ctrlKey || !event.shiftKey || event.altKey) return true;
    const key = event.key.toLowerCase();
    if (key === "c") {
      event.preventDefault();
      if (event.type === "keydown") void this.copy();
      return false;
    }
    // the browser pastes by itself, and xterm.js takes it
    return key !== "v";
  }
}

interface Control {
  session?: string;
  again?: boolean;
  replay?: number;
  ended?: number | null;
  why?: string;
}
