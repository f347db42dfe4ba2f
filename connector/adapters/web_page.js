"use strict";
// The page is whole without this. Every few seconds the server's own page is read again, and what has changed
// of it is put in its place; what the reader has opened, scrolled to or focused stays.
const PERIOD = 5000;
const byId = (id) => document.getElementById(id);
const live = (page) => [...page.querySelectorAll("[data-live]")];

function show(page) {
  const news = live(page);
  if (String(news.map((part) => part.id)) !== String(live(document).map((part) => part.id))) {
    location.reload(); // another set of lanes
    return;
  }
  const headline = page.getElementById("headline").textContent;
  if (headline !== byId("headline").textContent) byId("said").textContent = headline; // read aloud, only then
  for (const part of news) {
    if (byId(part.id).innerHTML !== part.innerHTML) byId(part.id).innerHTML = part.innerHTML;
  }
  document.title = page.title;
  document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(2 * PERIOD) });
    if (!answer.ok) throw new Error(answer.statusText);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    byId("stale").hidden = true;
  } catch {
    if (byId("stale").hidden) byId("said").textContent = byId("stale").textContent;
    byId("stale").hidden = false;
  }
}

setInterval(refresh, PERIOD);
document.addEventListener("visibilitychange", refresh);
