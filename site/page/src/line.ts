// A WebSocket that comes back: it tries again, slower and slower, and at once where there is
// reason to hope (the network is back, the page is looked at again, somebody asks).

const FIRST = 250;
const SLOWEST = 10_000;

export interface Ends {
  /** Where to connect to; asked anew each time. */
  address(): string;
  opened?(): void;
  text(message: string): void;
  binary?(bytes: Uint8Array): void;
  /** It is gone; whether to try again. */
  closed(code: number, reason: string): boolean;
  /** The next try is so many milliseconds away. */
  waiting?(milliseconds: number): void;
}

export class Line {
  private socket: WebSocket | null = null;
  private timer: number | undefined;
  private delay = FIRST;
  private over = false;
  private silence: number | undefined;
  private readonly hope = () => {
    if (document.visibilityState === "visible") this.retry();
  };

  /**
   * @param ends who is told.
   * @param silence milliseconds without a word after which it counts as dead; 0: never.
   */
  constructor(
    private readonly ends: Ends,
    private readonly patience = 0,
  ) {
    addEventListener("online", this.hope);
    document.addEventListener("visibilitychange", this.hope);
    this.connect();
  }

  get connected(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (!this.connected) return false;
    this.socket?.send(data);
    return true;
  }

  /** Tries at once where it was waiting. */
  retry(): void {
    if (this.over || this.socket) return;
    clearTimeout(this.timer);
    this.delay = FIRST;
    this.connect();
  }

  /** Ends it for good. */
  close(): void {
    this.over = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    removeEventListener("online", this.hope);
    document.removeEventListener("visibilitychange", this.hope);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private connect(): void {
    const socket = new WebSocket(this.ends.address());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.heard();
      this.ends.opened?.();
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket !== socket) return;
      this.delay = FIRST;
      this.heard();
      if (typeof data === "string") this.ends.text(data);
      else this.ends.binary?.(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket === socket) this.lost(code, reason);
    };
  }

  private heard(): void {
    if (!this.patience) return;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const socket = this.socket;
      this.lost(1006, "");
      socket?.close();
    }, this.patience);
  }

  private lost(code: number, reason: string): void {
    this.socket = null;
    clearTimeout(this.silence);
    if (this.over) return;
    if (!this.ends.closed(code, reason)) {
      this.close();
      return;
    }
    // a little by chance, so that not everybody comes at once
    const wait = this.delay * (0.75 + Math.random() / 2);
    this.delay = Math.min(this.delay * 2, SLOWEST);
    this.timer = setTimeout(() => this.connect(), wait);
    this.ends.waiting?.(wait);
  }
}

/** The address of a WebSocket of this server. */
export function address(path: string, query: Record<string, string> = {}): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(query).toString();
  return url.href;
}
