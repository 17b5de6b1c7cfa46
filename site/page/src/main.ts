// The page: what surrounds the views, and which view an address shows.

import "@xterm/xterm/css/xterm.css";
import "./page.css";
import * as api from "./api";
import { catalogueView } from "./catalogue";
import { button, fill, focusOn, h, put, remembered, say } from "./dom";
import { labView } from "./lab";
import * as news from "./news";
import { guarded, places, problem } from "./notice";
import { HOME, labHere, linkTo, onGo } from "./router";
import type { View } from "./view";
import { nameOf, speak, spoken, tr, wanted } from "./words";

const main = h("main", { id: "main", tabindex: -1 });
const banner = h("div", { class: "banner", role: "status" });
const header = h("header", { class: "bar" });
const offered = new Set(["en"]);
let view: View | null = null;

function languageChoice(): HTMLElement {
  const select = h("select", { id: "language" });
  for (const code of offered) {
    put(select, h("option", { value: code, lang: code, selected: code === spoken() }, nameOf(code)));
  }
  select.addEventListener("change", () => void guarded(() => change(select.value)));
  return h("span", { class: "field" }, h("label", { for: "language" }, tr("Language")), select);
}

function drawHeader(): void {
  const inHand = header.contains(document.activeElement);
  fill(header, linkTo(HOME, { class: "home" }, "labrunner"), offered.size > 1 ? languageChoice() : null);
  if (inHand) header.querySelector("select")?.focus();
}

/** Languages that lessons have; the choice shows them. */
function offer(languages: string[]): void {
  const before = offered.size;
  for (const language of languages) offered.add(language);
  if (offered.size !== before) drawHeader();
}

async function change(language: string): Promise<void> {
  const found = language === "en" ? { words: {} } : await api.words(language);
  remembered.set("language", language);
  speak(language, found.words);
  drawHeader();
  show(false);
}

function show(moveFocus: boolean): void {
  view?.destroy();
  const lab = labHere();
  view = lab ? labView(lab, offer) : catalogueView(offer);
  document.body.classList.toggle("in-lab", Boolean(lab));
  fill(main, view.element);
  document.title = view.title;
  if (moveFocus) focusOn(main.querySelector("h1") ?? main);
}

let waiting: number | undefined;

function line(state: news.State): void {
  clearTimeout(waiting);
  if (state === "lost") {
    // a short gap is not worth a word
    waiting = setTimeout(() => {
      // said once, however often it is tried: the button keeps the focus
      if (banner.classList.contains("shown")) return;
      const text = tr("The server does not answer. It is tried again by itself.");
      fill(banner, h("p", {}, text), button(tr("Try now"), news.retry));
      banner.classList.add("shown");
    }, 1200);
  } else if (state === "refused") {
    const { message, hint } = api.gate();
    fill(banner, problem({ message, hint }));
    banner.classList.add("shown");
  } else {
    const inHand = banner.contains(document.activeElement);
    banner.classList.remove("shown");
    fill(banner);
    if (inHand) focusOn(main.querySelector("h1") ?? main);
    if (state === "again") view?.again();
  }
}

async function begin(): Promise<void> {
  const skip = h("a", { href: "#main", class: "skip" });
  const foot = h("div", { class: "places" }, ...places());
  fill(document.body, skip, header, banner, main, foot);
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    focusOn(main.querySelector("h1") ?? main);
  });
  const language = wanted();
  if (language !== "en") {
    await guarded(async () => {
      const found = await api.words(language);
      if (Object.keys(found.words).length) {
        offered.add(language);
        speak(language, found.words);
      }
    });
  }
  say(skip, tr("Skip to the content"));
  drawHeader();
  news.watch(line);
  news.connect();
  onGo(show);
  show(false);
}

void begin();
