// What the server tells by itself: progress of work, and that something has changed.

import type { LabEvent } from "./api";
import { Line, address } from "./line";

export type Failure = { message: string; hint: string };

export type News =
  | ({ kind: "event"; lab: string; task: string } & LabEvent)
  | { kind: "output"; lab: string; task: string; line: string }
  | {
      kind: "done";
      lab: string;
      task: string;
      act: string;
      error: Failure | null;
      result?: unknown;
    }
  | { kind: "changed"; lab: string }
  | { kind: "map"; lab: string }
  | { kind: "ping" };

/** `again`: the line is back, and whatever was told meanwhile was missed. */
export type State = "connected" | "again" | "lost" | "refused";

const SILENCE = 60_000; // the server says something every 20 s
const GATE = 4401;

const readers = new Set<(news: News) => void>();
const watchers = new Set<(state: State) => void>();
let line: Line | null = null;
let before = false;

/** Hears all news until the function that comes back is called. */
export function listen(reader: (news: News) => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

/** Hears how the line to the server is. */
export function watch(watcher: (state: State) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function retry(): void {
  line?.retry();
}

function tell(state: State): void {
  for (const watcher of [...watchers]) watcher(state);
}

export function connect(): void {
  line ??= new Line(
    {
      address: () => address("ws/news"),
      opened() {
        tell(before ? "again" : "connected");
        before = true;
      },
      text(message) {
        const news = JSON.parse(message) as News;
        if (news.kind === "ping") line?.send('{"kind":"pong"}');
        for (const reader of [...readers]) reader(news);
      },
      closed(code) {
        tell(code === GATE ? "refused" : "lost");
        return code !== GATE;
      },
    },
    SILENCE,
  );
}
