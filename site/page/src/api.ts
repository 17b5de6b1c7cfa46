// What the server has, and how it is asked. Every failure is an ApiError with words for it.

import { tr } from "./words";

export interface Standing {
  id: string;
  host: string;
  language: string;
  step: string | null;
  number: number;
  steps: number;
  passed: string[];
  attempts: number;
  started: number;
  state: "starting" | "running" | "stopping" | "resetting" | "gone";
}

export interface Entry {
  name: string;
  title: string;
  level: string;
  minutes: number;
  summary: string;
  languages: string[];
  hosts: string[];
  running: Standing | null;
}

export interface Catalogue {
  labs: Entry[];
  problems: { source: string; message: string; where: string }[];
}

export interface StepText {
  id: string;
  title: string;
  number: number;
  html: string;
  hints: { total: number; shown: string[] };
  passed: boolean;
  attempts: number;
}

export interface LabText {
  name: string;
  title: string;
  languages: string[];
  language: string;
  hosts?: string[];
  standing: Standing | null;
  intro: string;
  steps: StepText[];
  containers: string[];
  plan: { svg: string; words: string | string[] };
  tasks?: { task: string; act: string; events: LabEvent[] }[];
}

export interface LabEvent {
  what: string;
  /** What it is, and its name where the runner gave it, in the reader's language. */
  label: string;
  name: string;
  state: string;
  detail: string;
  seconds: number | null;
}

export interface Checked {
  step: string;
  outcome: "passed" | "not_yet" | "ruined" | "error";
  message: string;
  expected: string;
  seen: string;
  look: string;
  seconds: number;
  following: string | null;
  moved: boolean;
  said: string[];
}

export interface Hint {
  number: number;
  total: number;
  html: string;
}

export interface Solution {
  step: string;
  commands: string[];
  html: string;
}

export interface Cell {
  word: string;
  label: string;
  changed: boolean;
}

export interface Table {
  columns: { target: string; port: number; protocol: string }[];
  rows: { source: string; cells: Cell[] }[];
}

export interface ReachMap {
  state: "measured" | "none";
  age: number;
  svg: string;
  words: string[];
  summary: string;
  /** By protocol, where something was tried. */
  tables: Record<string, Table>;
  published: { at: string; target: string; word: string; label: string }[];
  outside: { container: string; state: string; label: string }[];
  legend: { word: string; label: string; meaning: string }[];
  notes: string[];
  /** What is wrong on the engine, whatever the learner has to do with it. */
  troubles?: { name: string; containers: string[]; message: string; look: string }[];
  changes: string[];
}

export interface TerminalTab {
  session: string;
  place: string;
  title: string;
}

/** What went wrong, and what to do about it. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly status: number,
  ) {
    super(message);
  }
}

async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(
      tr("The server does not answer."),
      tr("Where the server has ended, type lab open in a terminal: it opens a new page."),
      0,
    );
  }
  let body: unknown = null;
  try {
    body = await answer.json();
  } catch {
    body = null;
  }
  if (!answer.ok) throw refusal(answer, body);
  return body as T;
}

function refusal(answer: Response, body: unknown): ApiError {
  const said = (body ?? {}) as { message?: unknown; hint?: unknown };
  if (typeof said.message === "string") {
    return new ApiError(said.message, String(said.hint ?? ""), answer.status);
  }
  if (answer.status === 403) return gate();
  return new ApiError(tr("The server answered {1}.", answer.status), "", answer.status);
}

/** The cookie is not, or no longer, the right one. */
export function gate(): ApiError {
  return new ApiError(
    tr("This page may no longer talk to the server."),
    tr("Type lab open in a terminal: it opens a page that may."),
    403,
  );
}

const post = <T>(path: string, body: object = {}): Promise<T> =>
  ask<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Labrunner": "1" },
    body: JSON.stringify(body),
  });

const at = (name: string, rest = ""): string => `api/labs/${encodeURIComponent(name)}${rest}`;
const query = (values: Record<string, string>): string => `?${new URLSearchParams(values)}`;

export interface Started {
  task: string;
}

export interface StartChoice {
  host?: string;
  language?: string;
}

export const words = (lang: string) =>
  ask<{ language: string; words: Record<string, string> }>(`api/words${query({ lang })}`);
export const catalogue = (lang: string) => ask<Catalogue>(`api/catalogue${query({ lang })}`);
export const lab = (name: string, lang: string) => ask<LabText>(at(name, query({ lang })));
export const start = (name: string, choice: StartChoice) =>
  post<Started>(at(name, "/start"), choice);
export const stop = (name: string) => post<Started>(at(name, "/stop"));
export const reset = (name: string, step: boolean) => post<Started>(at(name, "/reset"), { step });
export const language = (name: string, language: string) =>
  post<object>(at(name, "/language"), { language });
export const check = (name: string, step: string) => post<Checked>(at(name, "/check"), { step });
export const hint = (name: string, step: string) => post<Hint>(at(name, "/hint"), { step });
export const solve = (name: string, step: string) => post<Started>(at(name, "/solve"), { step });
export const solution = (name: string, step: string, lang: string) =>
  ask<Solution>(at(name, `/solution${query({ step, lang })}`));
export const map = (name: string, lang: string) => ask<ReachMap>(at(name, `/map${query({ lang })}`));
export const terminals = (name: string) =>
  ask<{ terminals: TerminalTab[] }>(at(name, "/terminals"));
