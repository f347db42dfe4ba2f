"""The sandbox's page: what the CRM holds, what it ignored, and the last requests."""

PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox CRM</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --line: light-dark(#ddd, #3a3a3a); --dim: light-dark(#666, #999);
  --bad: light-dark(#b3261e, #ff8a80) }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 78rem; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.6rem 0 .3rem }
#counts { display: flex; flex-wrap: wrap; gap: 1.5rem } #counts b { display: block; font-size: 1.5rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; max-width: 28rem; overflow: hidden; text-overflow: ellipsis }
th, .dim { color: var(--dim); font-weight: normal } .bad { color: var(--bad) }
</style>
<h1>Sandbox CRM</h1>
<p class="dim">Rest the pointer on a row to see all that was sent.</p>
<p id="lost" class="bad" role="status" hidden>The sandbox does not answer; what follows may be old.</p>
<div id="counts"></div>
<div id="tables"></div>
<script>
const NAMES = { past_events: "past events", triggers: "workflows started" };
const TABLES = [
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
  ["Last requests", "requests", { at: r => time(r.at), request: r => r.method + " " + r.path,
    status: r => r.status || "no answer", bytes: r => r.size, fault: r => r.fault },
    r => r.status >= 200 && r.status < 300 ? "" : "bad"],
];
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
async function refresh() {
  try {
    const state = await (await fetch("/_sandbox/state?limit=50")).json();
    state.revenue = Object.entries(state.revenue).map(([contact, row]) => ({ contact, ...row }));
    document.getElementById("counts").replaceChildren(...Object.entries(state.counts).map(([name, count]) => {
      const item = document.createElement("div");
      item.append(cell("b", count), cell("span", NAMES[name] ?? name, "dim"));
      return item;
    }));
    document.getElementById("tables").replaceChildren(...TABLES.map(each => table(each, state)));
    document.getElementById("lost").hidden = true;
  } catch { document.getElementById("lost").hidden = false; }
}
refresh(); setInterval(refresh, 2000);
</script>
</html>
"""
