// Keys, focus and filters; all else is links, forms and htmx.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const page = $(".reading");
  let current = page ? page.dataset.current : "";
  let hovering = 0;

  const say = (text) => { const at = $("#say"); at.textContent = text; };
  const sentences = () => $$("article .s").filter((s) => !s.matches(".other, .dim"));
  const query = () => (page.dataset.queue ? "?queue=1" : "");
  let sent = Promise.resolve();
  let asked = 0;

  /** Work one after another, so that no decision overtakes another, nor fails those after it. */
  function inTurn(work) {
    sent = sent.then(work).catch((error) => {
      say(`Not shown: ${error}. Load the page again.`);
      return false;
    });
    return sent;
  }

  const gone = "The page no longer answers: start tagger review again. What it showed as stored is not lost.";
  const patience = 60_000;  // milliseconds; else one that never answers would hold up all others

  async function exchange(method, url, values) {
    const body = values && new URLSearchParams(values);
    let answer, text;
    try {
      answer = await fetch(url, { method, body, signal: AbortSignal.timeout(patience) });
      text = await answer.text();  // what is cut off in here was not answered either
    } catch {
      say(gone);
      return null;
    }
    if (!answer.ok) { say(text); return null; }
    if (method === "POST") say("");  // what is only looked at takes no word back
    return { headers: answer.headers, text };
  }

  async function show(id) {
    const own = ++asked;
    const answer = await exchange("GET", `/s/${id}${query()}`);
    if (answer && own === asked) swap(answer.text);
  }

  function swap(html) { htmx.swap("#panel", html, { swapStyle: "innerHTML" }); }

  const send = (id, values) => post(`/s/${id}${query()}`, values);

  const post = (url, values) => inTurn(async () => {
    const answer = await exchange("POST", url, values);
    if (!answer) return false;
    asked += 1;
    const { sentence, document: where } = JSON.parse(answer.headers.get("HX-Trigger")).decided;
    swap(answer.text);
    const here = $(`#s${sentence}`);
    if (here && (url === "/undo" || current === String(sentence))) choose(String(sentence), false);
    else if (here) choose(current);  // the reader has moved on meanwhile
    else if (page.dataset.queue) location.href = `/d/${where}#s${sentence}`;
    filter();
    return true;
  });

  function choose(id, load = true) {
    const at = $(`#s${id}`);
    if (!at) return;
    $$("article .s[tabindex='0']").forEach((s) => { s.tabIndex = -1; });
    $$("article .current").forEach((s) => s.classList.remove("current"));
    at.tabIndex = 0;
    at.classList.add("current");
    const changed = current !== id || load;
    current = id;
    if (document.activeElement !== at) at.focus({ preventScroll: true });
    at.scrollIntoView({ block: "nearest" });
    if (changed && load) show(id);
  }

  function move(step) {
    const all = sentences();
    const at = all.findIndex((s) => s.dataset.id === current);
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    if (next) choose(next.dataset.id);
  }

  function open(name) {
    const dialog = $(`dialog#${name}`);
    if (!dialog) return;
    const field = $("textarea, input", dialog);
    if (field) field.value = name === "note" ? $(`#s${current}`)?.dataset.note || "" : "";
    dialog.showModal();
  }

  function act(key) {
    if (key === "u") {
      const values = page.dataset.queue ? {} : { document: page.dataset.document };
      post("/undo", values);
    } else if (key === "x") open("skip");
    else if (key === "n") open("note");
    else if (key === "Enter") send(current, { key }).then(advance);
    else return false;
    return true;
  }

  function advance(stored) {
    if (!stored) return;
    if (page.dataset.queue) location.reload();
    else move(1);
  }

  document.addEventListener("keydown", (event) => {
    const on = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (on.closest("input, textarea, select, dialog")) return;
    if (event.key === "?") { open("keys"); event.preventDefault(); return; }
    if (!page) return;
    if (event.key === "Enter" && on.closest("a, button, summary")) return;
    if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
    else if (event.key === "f") {
      const filters = $(".filter");
      if (!filters) return;
      filters.open = true;
      $("input", filters).focus();
    }
    else if (!current || !$(`#s${current}`)) return;
    else if (act(event.key)) { /* done */ }
    // Sent with the sentence that has the focus, whatever the panel shows by now.
    else if (page.dataset.keys.split(" ").includes(event.key)) send(current, { key: event.key });
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const on = event.target.closest("[data-act], [data-task], [data-open], [data-close], [data-copy], article .s");
    if (!on) return;
    if (on.dataset.act) act(on.dataset.act);
    else if (on.dataset.task) {
      const { task, label } = on.dataset;
      send(on.closest("[data-sentence]").dataset.sentence, { task, label });
    }
    else if (on.dataset.open) open(on.dataset.open);
    else if (on.dataset.close) $(`dialog#${on.dataset.close}`).close();
    else if (on.dataset.copy) {
      const text = $(`#${on.dataset.copy}`);
      text.select();
      navigator.clipboard.writeText(text.value).then(() => say("Copied."), () => say("Press Ctrl-C to copy."));
    } else if (on.dataset.id && !String(getSelection())) choose(on.dataset.id);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.send) return;
    const why = event.submitter?.value || form.elements.why.value;
    send(current, { [form.dataset.send]: why }).then((stored) => {
      if (form.dataset.send === "skip") advance(stored);
    });
  });

  if (page) {
    $("article").addEventListener("mouseover", (event) => {
      const on = event.target.closest(".s");
      clearTimeout(hovering);
      if (on) hovering = setTimeout(() => show(on.dataset.id), 120);
    });
    $("article").addEventListener("mouseleave", () => {
      clearTimeout(hovering);
      const shown = $("#panel [data-sentence]");
      if (current && shown && shown.dataset.sentence !== current) show(current);
    });
    if (current !== "0") choose(current, false);  // its panel came with the page
    // Another tab may have decided meanwhile.
    document.addEventListener("visibilitychange", () => {
      const busy = () => document.hidden || $("dialog[open]") || page.dataset.queue;
      if (busy()) return;
      inTurn(async () => {
        const answer = await exchange("GET", location.href);
        if (!answer || busy()) return;
        const fresh = new DOMParser().parseFromString(answer.text, "text/html");
        $("article").replaceChildren(...$("article", fresh).childNodes);
        choose(current);
        filter();
      });
    });
  }

  function filter() {
    const groups = {};
    $$("[data-filter]:checked").forEach((box) => {
      (groups[box.dataset.group] ||= []).push(box.dataset.filter);
    });
    $$("article .s").forEach((s) => {
      const is = (s.dataset.is || "").split(" ");
      const fits = (wanted) =>
        wanted.some((w) => (w === "review" ? s.classList.contains("review") : is.includes(w)));
      s.classList.toggle("dim", !Object.values(groups).every(fits));
    });
  }
  document.addEventListener("change", (event) => {
    if (event.target.dataset.filter) filter();
    if (event.target.id === "files" && event.target.files.length) event.target.form.submit();
  });

  const drop = $("#drop");
  if (drop) {
    const over = (event) => { event.preventDefault(); drop.classList.add("over"); };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", () => drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      $("#files").files = event.dataTransfer.files;
      $("#add").submit();
    });
  }

  document.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.responseText));
  document.addEventListener("htmx:sendError", () => say(gone));
})();
