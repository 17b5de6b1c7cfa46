// The catalogue: every lab there is, what it is about, and how far one is.

import * as api from "./api";
import { fill, h, put, say, unseen } from "./dom";
import * as news from "./news";
import { complain, failure, problem } from "./notice";
import { go, labPath, linkTo } from "./router";
import { startForm } from "./start";
import { failureOf, taskStarted } from "./tasks";
import type { View } from "./view";
import { count, nameOf, spoken, tr } from "./words";

export function catalogueView(offer: (languages: string[]) => void): View {
  const list = h("ul", { class: "labs" });
  const trouble = h("div", { role: "alert" });
  const waiting = h("p", { class: "waiting" }, tr("Looking for labs…"));
  const element = h(
    "div",
    { class: "catalogue" },
    h("h1", {}, tr("Labs")),
    h("p", { class: "lead" }, tr("Learn by doing, in real containers. Choose a lab and start it.")),
    trouble,
    waiting,
    list,
  );
  const shown = new Map<string, { card: HTMLElement; made: string }>();
  let number = 0;

  async function refresh(): Promise<void> {
    number += 1;
    const mine = number;
    try {
      const found = await api.catalogue(spoken());
      if (mine === number) draw(found);
    } catch (thrown) {
      if (mine === number) fill(trouble, problem(failure(thrown)));
    }
  }

  function draw(found: api.Catalogue): void {
    waiting.remove();
    offer(found.labs.flatMap((entry) => entry.languages));
    fill(trouble, ...found.problems.map((one) => problem(broken(one))));
    if (!found.labs.length) put(trouble, h("p", {}, tr("There are no labs.")));
    const names = new Set(found.labs.map((entry) => entry.name));
    for (const [name, { card }] of shown) {
      if (names.has(name)) continue;
      card.remove();
      shown.delete(name);
    }
    found.labs.forEach((entry, at) => place(entry, at));
  }

  /** Puts a card where it belongs; one that says the same stays as it is, focus and all. */
  function place(entry: api.Entry, at: number): void {
    const made = JSON.stringify({ ...entry, running: entry.running && standingKey(entry.running) });
    const old = shown.get(entry.name);
    if (old?.made !== made) {
      const card = drawCard(entry);
      const inHand = old?.card.contains(document.activeElement);
      if (old) old.card.replaceWith(card);
      shown.set(entry.name, { card, made });
      if (inHand) card.querySelector<HTMLElement>("button, a")?.focus();
    }
    const card = shown.get(entry.name)?.card;
    if (card && list.children[at] !== card) list.insertBefore(card, list.children[at] ?? null);
  }

  const stop = news.listen((one) => {
    if (one.kind === "changed" || one.kind === "done") void refresh();
  });
  void refresh();
  return {
    element,
    title: "labrunner",
    again: () => void refresh(),
    destroy() {
      number += 1;
      stop();
    },
  };
}

const standingKey = ({ step, number, passed, state, host }: api.Standing) =>
  [step, number, passed.length, state, host].join();

function broken(one: api.Catalogue["problems"][number]) {
  const where = one.where ? `${one.where}: ` : "";
  return { message: tr("broken: {1}", one.source), hint: `${where}${one.message}` };
}

function drawCard(entry: api.Entry): HTMLElement {
  const running = entry.running;
  const link = linkTo(labPath(entry.name), {}, entry.title);
  const facts = h("ul", { class: "facts" });
  put(facts, h("li", {}, tr(entry.level)));
  put(facts, h("li", {}, tr("about {1} minutes", entry.minutes)));
  if (entry.languages.length > 1) {
    put(facts, h("li", {}, unseen(`${tr("Languages")}: `), entry.languages.map(nameOf).join(", ")));
  }
  const card = h(
    "li",
    { class: running ? "card running" : "card" },
    h("h2", {}, link),
    h("p", {}, entry.summary),
    facts,
  );
  if (running) put(card, progressOf(running), goOn(entry));
  else {
    const start = startForm(entry, (task) => {
      taskStarted(entry.name, task, "start");
      go(labPath(entry.name));
      const failed = failureOf(task);
      if (failed) complain(new api.ApiError(failed.message, failed.hint, 0));
    });
    put(card, start);
  }
  return card;
}

function goOn(entry: api.Entry): HTMLElement {
  const label = tr("Go on with {1}", entry.title);
  const attributes = { class: "button primary", "aria-label": label };
  const link = linkTo(labPath(entry.name), attributes, tr("Go on"));
  return h("div", { class: "start" }, link);
}

function progressOf(standing: api.Standing): HTMLElement {
  const done = standing.passed.length;
  const text = h("span", {}, stateOf(standing));
  const bar = h("progress", { max: standing.steps || 1, value: done });
  bar.setAttribute("aria-label", tr("Steps passed"));
  say(bar, `${done}/${standing.steps}`);
  return h("div", { class: "progress" }, text, bar);
}

/** How a lab stands, in words. */
export function stateOf(standing: api.Standing): string {
  if (standing.state === "starting") return tr("It is starting.");
  if (standing.state === "stopping") return tr("It is stopping.");
  if (standing.state === "resetting") return tr("It is made anew.");
  if (standing.state === "gone") return tr("The engine has lost it (a reboot, or it was removed).");
  const steps = count(standing.steps, "step", "steps");
  return tr("It runs: {1} of {2} passed.", standing.passed.length, steps);
}
