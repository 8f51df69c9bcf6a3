// Dialogs that ask for something, do it, and stay open with what went wrong. The browser's own
// <dialog> keeps the focus inside; it goes back to where it was.
import { Problem } from "./api.js";
import { focusAgain, h, setText } from "./dom.js";

// What went wrong, and what to do.
export function problemBox(problem) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", { class: "problem-what" }, problem.detail || "It failed."),
    problem.hint ? h("p", { class: "problem-do" }, h("strong", {}, "What to do: "), problem.hint) : null,
  );
}

let count = 0;

// A field with its label, and a hint below.
export function field(label, control, hint = null) {
  count += 1;
  control.id = `field-${count}`;
  const below = hint ? h("p", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (below) control.setAttribute("aria-describedby", below.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, below);
}

export const input = (attributes) =>
  h("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", ...attributes });

export function select(name, options, chosen) {
  return h(
    "select",
    { name },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
}

export function check(name, label) {
  count += 1;
  const box = h("input", { type: "checkbox", name, id: `field-${count}` });
  return h("div", { class: "check" }, box, h("label", { for: box.id }, label));
}

// Asks, and does: `act(fields, signal)` is called with the form's elements; the dialog closes when it
// has come to an end, and shows the Problem that it throws. Who leaves it meanwhile aborts the
// signal, not what was asked for: what goes wrong with that is shown all the same. `otherwise`: what
// gets the focus where its old place has gone.
export function ask({ title, text = null, parts = [], submit, busy, danger = null, act, otherwise }) {
  const before = document.activeElement;
  const heading = h("h2", { id: "dialog-title" }, title);
  const trouble = h("div", { class: "trouble" });
  const submitButton = h("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
  const cancel = h("button", { type: "button" }, "Cancel");
  const form = h(
    "form",
    { novalidate: true },
    heading,
    text ? h("p", {}, text) : null,
    parts,
    trouble,
    h("div", { class: "row end" }, cancel, submitButton),
  );
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  let working = null; // what is aborted where somebody leaves

  function show() {
    document.body.append(dialog);
    dialog.showModal();
  }

  async function submitIt(event) {
    event.preventDefault();
    if (working) return;
    working = new AbortController();
    trouble.replaceChildren();
    setText(submitButton, busy ?? submit);
    submitButton.setAttribute("aria-busy", "true");
    try {
      await act(form.elements, working.signal);
      dialog.close();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!(problem instanceof Problem)) throw problem;
      if (!dialog.open) show();
      trouble.replaceChildren(problemBox(problem));
      form.elements[problem.field]?.focus();
    } finally {
      working = null;
      setText(submitButton, submit);
      submitButton.removeAttribute("aria-busy");
    }
  }

  form.addEventListener("submit", submitIt);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // it is shown again
    working?.abort();
    dialog.remove();
    focusAgain(before, otherwise?.());
  });
  show();
  return dialog;
}

// The refusal of a field that makes no sense; the form shows it as it shows the daemon's.
export function wrong(name, detail, hint) {
  return Object.assign(new Problem({ kind: "usage", detail, hint }), { field: name });
}
