// Starting a lab: on which host, in which language.

import * as api from "./api";
import { button, fill, h, put } from "./dom";
import { busy } from "./notice";
import { nameOf, spoken, tr } from "./words";

interface Startable {
  name: string;
  title: string;
  languages: string[];
  hosts?: string[];
}

const HOSTS: Record<string, string> = {
  sandbox: "a sandbox: a Docker engine of its own",
  local: "local: your own Docker engine, as it is",
};

let forms = 0;

/** A form that starts a lab and then calls `started`. */
export function startForm(lab: Startable, started: (task: string) => void): HTMLElement {
  forms += 1;
  const hosts = lab.hosts ?? [];
  const host = select(`host-${forms}`, hosts, (name) => tr(HOSTS[name] ?? name));
  const language = select(`language-${forms}`, lab.languages, nameOf);
  if (lab.languages.includes(spoken())) language.value = spoken();
  const go = button(tr("Start"), () =>
    busy(go, async () => {
      const choice: api.StartChoice = {};
      if (host.value) choice.host = host.value;
      if (language.value) choice.language = language.value;
      started((await api.start(lab.name, choice)).task);
    }),
  );
  go.className = "primary";
  go.setAttribute("aria-label", tr("Start {1}", lab.title));
  const form = h("div", { class: "start" }, go);
  const choices = h("div", { class: "choices" });
  if (hosts.length > 1) put(choices, field(host, tr("Host")));
  if (lab.languages.length > 1) put(choices, field(language, tr("Language of the lesson")));
  if (choices.childElementCount) {
    put(form, h("details", {}, h("summary", {}, tr("Choices")), choices));
  }
  return form;
}

function select(id: string, values: string[], label: (value: string) => string) {
  const element = h("select", { id });
  fill(element, ...values.map((value) => h("option", { value }, label(value))));
  return element;
}

function field(input: HTMLElement, label: string): HTMLElement {
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input);
}
