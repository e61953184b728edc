// What script adds to pages that work without it: times in the reader's zone, stories and alerts as they come, keys,
// and what a rule would meet, as it is typed. Foreign text goes into the page as text alone.
"use strict";

const one = (where, within = document) => within.querySelector(where);
const all = (where, within = document) => [...within.querySelectorAll(where)];

function localTimes(within) {
  const today = new Date().toDateString();
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const full = new Intl.DateTimeFormat([], { day: "numeric", month: "short", year: "numeric", ...clock });
  const short = new Intl.DateTimeFormat([], { ...clock, second: "2-digit" });
  for (const time of all("time", within)) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) time.textContent = (at.toDateString() === today ? short : full).format(at);
  }
}

function timeOf(moment) {
  const time = document.createElement("time");
  time.dateTime = moment;
  time.title = new Date(moment).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  time.textContent = moment;
  return time;
}

// --- as it comes -------------------------------------------------------------------------------------------------

const MOST_SHOWN = 300;

function pieces(into, found) {
  for (const piece of found) {
    const node = piece.matched ? document.createElement("mark") : document.createTextNode("");
    node.textContent = piece.words;
    into.append(node);
  }
}

function row(kind, told) {
  const made = one("#story-row").content.firstElementChild.cloneNode(true);
  made.dataset.number = told.id;
  made.classList.add("came");
  const link = one("h2 a", made);
  link.href = (kind === "alert" ? "/alerts/" : "/items/") + told.id;
  pieces(link, told.title_pieces);
  const meta = one(".meta", made);
  meta.append(timeOf(kind === "alert" ? told.at : told.first_seen_at));
  const say = (words) => { if (words) meta.append(" · ", words); };
  if (kind === "alert") { say(told.rule); say(told.matched.join(", ")); }
  say(told.provider);
  for (const name of told.rules || []) {
    const tag = document.createElement("span");
    tag.className = "tag rule";
    tag.textContent = name;
    meta.append(" ", tag);
  }
  pieces(one(".passage", made), told.passage);
  localTimes(made);
  return made;
}

function follow() {
  const sign = one("[data-live]");
  const badge = one("#new-alerts");
  if (!badge) return;
  const kind = sign ? sign.dataset.live : "";
  const asked = new URLSearchParams(sign ? sign.dataset.query : "only=alert");
  // A day as the filter has it needs no telling: what comes now is of today.
  for (const name of ["before", "since", "until", "state"]) asked.delete(name);
  // What came since the page was made, while nobody looked at it, or before the stream stood: all is told.
  let came = 0, mark = document.body.dataset.mark, stream = null;
  const say = (words) => { if (sign) one(".word", sign).textContent = words; };
  const show = (what) => (event) => {
    mark = event.lastEventId;
    const told = JSON.parse(event.data);
    if (what === "alert" && !told.seen_at) raise(badge, told.id);
    const list = one("#list");
    if (what !== kind || !list || one(`[data-number="${told.id}"]`, list)) return;
    all(".empty").forEach((empty) => empty.remove());
    list.prepend(row(kind, told));
    const live = all(".came", list);
    if (live.length > MOST_SHOWN) live.at(-1).remove();
    came += 1;
    say(`live: ${came} came since you opened this`);
  };
  let pause = 1000;
  const open = () => {
    stream?.close();
    asked.set("since", mark);
    stream = new EventSource("/api/v1/stream?" + asked);
    stream.addEventListener("item", show("item"));
    stream.addEventListener("alert", show("alert"));
    stream.addEventListener("mark", (event) => { mark = event.lastEventId; });
    stream.onopen = () => { pause = 1000; sign?.classList.add("on"); say(came ? `live: ${came} came since you opened this` : "live: what comes is put on top"); };
    stream.onerror = () => {
      sign?.classList.remove("on");
      say("the connection is lost; trying again");
      // What was refused, as by a proxy whose server is away, a browser does not ask for again by itself.
      if (stream.readyState === EventSource.CLOSED && !document.hidden) setTimeout(open, (pause = Math.min(pause * 2, 60000)));
    };
  };
  // A browser has six connections to a server: tabs that nobody looks at give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream?.close(); else if (stream?.readyState !== EventSource.OPEN) open();
  });
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  if (!document.hidden) open();
}

const counted = new Set();
function raise(badge, number) {
  if (counted.has(number)) return;
  counted.add(number);
  const many = one(".many", badge);
  if (!many.textContent.endsWith("+")) many.textContent = String((parseInt(many.textContent, 10) || 0) + 1);
  badge.hidden = false;
}

// --- endless -----------------------------------------------------------------------------------------------------

// The next page is put under this one when its link comes into sight; a search that looked back a while goes on so.
function endless() {
  const list = one("ol#list");
  if (!list) return;
  const watch = new IntersectionObserver(async (seen) => {
    const pager = seen.find((entry) => entry.isIntersecting)?.target;
    if (!pager) return;
    watch.disconnect();
    const answer = await fetch(one("a", pager).href).catch(() => null);
    if (!answer?.ok) return;
    const told = new DOMParser().parseFromString(await answer.text(), "text/html");
    const rows = all("#list > li", told).filter((row) => !one(`[data-number="${row.dataset.number}"]`, list));
    rows.forEach((row) => localTimes(row));
    list.append(...rows);
    if (rows.length) all(".empty").forEach((empty) => empty.remove());
    const next = one(".pager", told);
    if (!next) { pager.remove(); return; }
    localTimes(next);
    pager.replaceWith(next);
    watch.observe(next);
  }, { rootMargin: "400px" });
  const pager = one(".pager");
  if (pager) watch.observe(pager);
}

// --- keys --------------------------------------------------------------------------------------------------------

function keys() {
  const rows = () => all(".keyed > li, .keyed tbody tr");
  const step = (by) => {
    const found = rows();
    const at = found.findIndex((row) => row.classList.contains("here"));
    const next = found[Math.min(Math.max(at + by, 0), found.length - 1)];
    if (!next) return;
    found[at]?.classList.remove("here");
    next.classList.add("here");
    one("a", next)?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    const search = one("#q");
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "o") one(".here a")?.click();
    else if (event.key === "/" && search) { search.focus(); search.select(); }
    else if (event.key === "?") one("#keys").showModal();
    else return;
    event.preventDefault();
  });
}

// --- a rule as it is typed ---------------------------------------------------------------------------------------

function trial() {
  const editor = one("#editor");
  const query = one("#query");
  if (!editor || !query || query.readOnly) return;
  let waiting = 0, asking = null, last = one("#trial").childElementCount > 1 ? query.value : "";
  const ask = async () => {
    if (query.value === last) return;
    last = query.value;
    one("#trial").setAttribute("aria-busy", "true");
    asking?.abort();
    asking = new AbortController();
    const said = new FormData();
    for (const name of ["proof", "query", "against"]) said.set(name, editor.elements[name].value);
    try {
      const answer = await fetch(editor.dataset.try, { method: "POST", body: said, signal: asking.signal });
      if (!answer.ok) return;
      const told = new DOMParser().parseFromString(await answer.text(), "text/html");
      one("#trial").removeAttribute("aria-busy");
      one("#trial").replaceChildren(...told.body.childNodes);
      localTimes(one("#trial"));
    } catch (error) {
      if (error.name !== "AbortError") one("#trial").textContent = "It cannot be tried just now.";
    }
  };
  query.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 350); });
  ask();
}

function asks() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ask]");
    if (button && !confirm(button.dataset.ask)) event.preventDefault();
  });
}

localTimes(document);
follow();
endless();
keys();
trial();
asks();
