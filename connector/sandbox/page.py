"""The sandbox's page: what Yespo and Metrica hold, what they ignored, and the last requests."""

PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --line: light-dark(#ddd, #3a3a3a); --dim: light-dark(#666, #999);
  --bad: light-dark(#b3261e, #ff8a80) }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 78rem; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.6rem 0 .3rem }
nav { display: flex; gap: 1.5rem; border-bottom: 1px solid var(--line); margin-bottom: 1rem }
nav a { color: var(--dim); padding: .3rem 0; text-decoration: none }
nav a[aria-current] { color: inherit; border-bottom: 2px solid; font-weight: 600 }
#counts { display: flex; flex-wrap: wrap; gap: .8rem 1.5rem } #counts b { display: block; font-size: 1.5rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; max-width: 28rem; overflow: hidden; text-overflow: ellipsis }
th, .dim { color: var(--dim); font-weight: normal } .bad { color: var(--bad) }
</style>
<h1>Sandbox</h1>
<nav><a href="#yespo">Yespo</a><a href="#metrica">Yandex Metrica</a></nav>
<p class="dim">Rest the pointer on a row to see all that was sent.</p>
<p id="lost" class="bad" role="status" hidden>The sandbox does not answer; what follows may be old.</p>
<div id="counts"></div>
<div id="tables"></div>
<script>
const NAMES = { past_events: "past events", triggers: "workflows started", simple_orders: "simple orders",
  used: "of the day's quota" };
const REQUESTS = ["Last requests", "requests", { at: r => time(r.at), request: r => r.method + " " + r.path,
    status: r => r.status || "no answer", bytes: r => r.size, fault: r => r.fault },
    r => r.status >= 200 && r.status < 300 ? "" : "bad"];
const YESPO = [
  ["Ignored: answered with 2xx and dropped", "ignored", { at: i => time(i.at), event: i => i.type_key,
    reason: i => i.reason, order: i => i.params.externalOrderId, resource: i => i.resource }, () => "bad"],
  ["Orders", "orders", { order: o => o.external_id, status: o => o.status, total: o => o.params.totalCost,
    items: o => [sum(o.params.items), adds_up(o.params) ? "" : "bad"], currency: o => o.params.currency,
    date: o => o.params.date, contact: o => o.contact_id, events: o => o.events.length }],
  ["Contacts", "contacts", { id: c => c.id, "external id": c => c.values.externalCustomerId,
    name: c => [c.values.firstName, c.values.lastName].filter(Boolean).join(" "), email: c => c.values.email,
    phone: c => c.values.sms, unsubscribed: c => c.unsubscribed ? "yes" : "" }],
  ["RFM: delivered orders only", "revenue", { contact: r => r.contact, orders: r => r.orders,
    revenue: r => r.total.toFixed(2), "last order": r => r.recent }],
  ["Events", "events", { no: e => e.id, at: e => time(e.at), event: e => e.type_key,
    order: e => e.params.externalOrderId, contact: e => e.contact_id, by: e => e.source,
    parameters: e => Object.keys(e.params).join(", ") }],
  ["Past events", "past_events", { occurred: e => e.occurred, event: e => e.type_key,
    order: e => e.params.externalOrderId, contact: e => e.contact_id,
    parameters: e => Object.keys(e.params).join(", ") }],
  REQUESTS,
];
const order = { order: o => o.id, status: o => o.values.order_status,
  type: o => [o.type ?? "none", o.type ? "" : "bad"], revenue: o => o.values.revenue,
  cost: o => o.values.cost, currency: o => o.values.currency, created: o => o.values.create_date_time,
  client: o => o.values.client_uniq_id, products: o => Object.keys(o.values.products ?? {}).length || "",
  versions: o => o.versions };
const METRICA = [
  ["Ignored: accepted and of no use, or not as it was sent", "ignored", { at: i => time(i.at),
    entity: i => i.entity, id: i => i.id, reason: i => i.reason }, () => "bad"],
  ["Uploads", "uploads", { at: u => time(u.at), entity: u => u.entity, mode: u => u.mode,
    format: u => u.uploading.uploading_format, elements: u => u.uploading.elements_count,
    verdict: u => u.refused ? "400" : u.uploading.api_validation_status, flaw: u => u.flaw },
    u => u.flaw ? "bad" : ""],
  ["Orders", "orders", order],
  ["Simple orders", "simple_orders", order],
  ["Contacts", "contacts", { contact: c => c.id, name: c => c.values.name, emails: c => list(c.values.emails),
    phones: c => list(c.values.phones), "client ids": c => list(c.values.client_ids),
    md5: c => list([...(c.values.emails_md5 ?? []), ...(c.values.phones_md5 ?? [])]
      .map(hash => hash.slice(0, 8) + "...")),
    created: c => c.values.create_date_time, versions: c => c.versions }],
  ["Order statuses", "order_statuses", { id: s => s.id, name: s => s.humanized, type: s => s.type,
    goals: s => list(s.goal_action_ids) }],
  ["Attributes", "attributes", { of: a => a.of, name: a => a.name, type: a => a.type_name,
    list: a => a.multivalued ? "yes" : "", title: a => a.humanized }],
  ["Products", "products", { id: p => p.id, name: p => p.name }],
  REQUESTS,
];
const list = values => (values ?? []).join(", ");
const sum = items => {
  const lines = typeof items === "string" ? JSON.parse(items) : items;
  return lines?.reduce((all, line) => all + (line.cost ?? 0) * line.quantity, 0).toFixed(2);
};
const adds_up = params => !params.items || Math.abs(sum(params.items) - params.totalCost) < 0.006;
const time = at => new Date(at * 1000).toLocaleTimeString();
const cell = (tag, text, kind) => Object.assign(document.createElement(tag),
  { textContent: text ?? "", className: kind ?? "" });
function table([title, key, columns, kind], state) {
  const rows = state[key].slice(-50).reverse(), part = document.createElement("section");
  part.append(cell("h2", title));
  if (!rows.length) { part.append(cell("p", "none", "dim")); return part; }
  const box = cell("div", "", "wide"), grid = document.createElement("table"), head = grid.insertRow();
  Object.keys(columns).forEach(name => head.append(cell("th", name)));
  for (const row of rows) {
    const line = grid.insertRow();
    line.title = JSON.stringify(row.params ?? row, null, 1);
    for (const read of Object.values(columns)) {
      const [text, own] = [read(row)].flat();
      line.append(cell("td", text, own ?? kind?.(row)));
    }
  }
  box.append(grid); part.append(box);
  return part;
}
async function read(path) {
  const state = await (await fetch(`${path}?limit=50`)).json();
  if (state.quota) {
    state.counts = { ...state.counts, used: `${state.quota.used} / ${state.quota.day}` };
    state.attributes = Object.entries(state.attributes)
      .flatMap(([of, all]) => all.map(each => ({ of, ...each })));
    state.products = Object.entries(state.products).map(([id, name]) => ({ id, name }));
  } else {
    state.revenue = Object.entries(state.revenue).map(([contact, row]) => ({ contact, ...row }));
  }
  return state;
}
let shown = "";
async function refresh() {
  const metrica = location.hash === "#metrica";
  document.querySelectorAll("nav a").forEach(link =>
    link.ariaCurrent = (link.hash === "#metrica") === metrica ? "page" : null);
  try {
    const state = await read(metrica ? "/_sandbox/metrica/state" : "/_sandbox/state");
    const text = JSON.stringify({ ...state, now: metrica });
    document.getElementById("lost").hidden = true;
    if (text === shown || metrica !== (location.hash === "#metrica")) return;
    shown = text;
    document.getElementById("counts").replaceChildren(...Object.entries(state.counts).map(([name, count]) => {
      const item = document.createElement("div");
      const kind = name === "ignored" && count ? "bad" : "";
      item.append(cell("b", count, kind), cell("span", NAMES[name] ?? name, "dim"));
      return item;
    }));
    document.getElementById("tables").replaceChildren(
      ...(metrica ? METRICA : YESPO).map(each => table(each, state)));
  } catch { document.getElementById("lost").hidden = false; }
}
refresh(); setInterval(refresh, 2000); addEventListener("hashchange", refresh);
</script>
</html>
"""
