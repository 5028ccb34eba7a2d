/**
 * The page of `serve --app http`: the connection that it is loaded over, as it is now.
 *
 * Owns: the page, in one text that needs nothing else. Must not know: where the figures come from (`/events`).
 */

/** What the page may do: show itself, run the one script that it carries, and ask this server. */
export const STATUS_POLICY: string =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2024;--soft:#60646c;--line:#e0e3e7;--paper:#f7f8fa;--card:#fff;--mark:#0b68cb;--good:#218358}
@media(prefers-color-scheme:dark){:root{--ink:#edeef0;--soft:#9aa0a8;--line:#2b2f34;--paper:#101113;--card:#17191c;--mark:#70b8ff;--good:#3dd68c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.5rem;font-weight:650;margin:0;letter-spacing:-.01em}
header p{color:var(--soft);margin:.25rem 0 1.75rem;max-width:42rem}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.25rem;margin:0 0 1rem}
h2{font-size:.8125rem;font-weight:600;color:var(--soft);margin:0 0 .75rem}
#path{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center;font:600 .875rem/1.4 ui-monospace,monospace;padding:0;margin:0;list-style:none}
#path li{padding:.2rem .6rem;border:1px solid var(--line);border-radius:6px;color:var(--soft)}
#path li:last-child{border-color:var(--good);color:var(--good)}
#path li+li{position:relative;margin-left:1rem}
#path li+li::before{content:"\\2192";position:absolute;left:-1.15rem;color:var(--soft);font-weight:400}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(12.5rem,1fr));gap:.9rem 1.5rem;margin:0}
.grid dt{color:var(--soft);font-size:.8125rem}
.grid dd{margin:0;font:500 1.0625rem/1.35 ui-monospace,monospace;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.big dd{font-size:1.5rem}
svg{display:block;width:100%;height:64px;margin-top:.9rem}
polyline{fill:none;stroke:var(--mark);stroke-width:1.5;vector-effect:non-scaling-stroke}
code{font:.875rem ui-monospace,monospace}
nav a{color:var(--mark);margin-right:1.25rem}
nav p{margin:.5rem 0 0;color:var(--soft);font-size:.875rem}
#over{display:none;color:var(--soft);margin:0 0 1rem}
.ended #over{display:block}
.ended section{opacity:.6}`;

const SCRIPT = `
const at = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en");
const ms = (us) => us === 0 ? "\\u2013" : (us / 1000).toFixed(us < 10000 ? 3 : 1) + " ms";
const bytes = (value) => number(value) + " B";
const relative = (value, first) => number((value - first) >>> 0);
const SHOWN = {
  name: (i) => i.name,
  srtt: (i) => ms(i.srttUs), rto: (i) => ms(i.rtoUs), cwnd: (i) => bytes(i.cwnd), flight: (i) => bytes(i.inFlight),
  una: (i) => relative(i.sndUna, i.iss), nxt: (i) => relative(i.sndNxt, i.iss), wnd: (i) => bytes(i.sndWnd),
  iss: (i) => number(i.iss), rnxt: (i) => relative(i.rcvNxt, i.irs), rwnd: (i) => bytes(i.rcvWnd), irs: (i) => number(i.irs),
  mss: (i) => bytes(i.sendMss), scale: (i) => i.sendWindowShift + " / " + i.receiveWindowShift,
  options: (i) => [i.sackPermitted && "SACK", i.timestamps && "timestamps", i.ecn && "ECN"].filter(Boolean).join(", ") || "none",
  control: (i) => i.congestionControl + ", " + i.recovery, lost: (i) => number(i.retransmits),
  segments: (i) => number(i.segmentsIn) + " / " + number(i.segmentsOut),
  octets: (i) => number(i.bytesIn) + " / " + number(i.bytesOut),
};
const trips = [];
function show(info) {
  for (const id in SHOWN) at(id).textContent = SHOWN[id](info);
  at("path").replaceChildren(...info.states.map((state) => {
    const item = document.createElement("li");
    item.textContent = state;
    return item;
  }));
  trips.push(info.srttUs);
  if (trips.length > 240) trips.shift();
  const most = Math.max(...trips, 1);
  at("line").setAttribute("points", trips.map((us, n) => n + "," + (60 - us / most * 56)).join(" "));
}
for (const place of document.querySelectorAll(".host")) place.textContent = location.host;
const source = new EventSource("/events");
source.onopen = () => document.body.classList.remove("ended");
source.onmessage = ({ data }) => show(JSON.parse(data));
source.onerror = () => document.body.classList.add("ended");`;

function figure(id: string, name: string): string {
  return `<div><dt>${name}</dt><dd id="${id}">&ndash;</dd></div>`;
}

/** The document. */
export const STATUS_PAGE: string =
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
  `<title>This connection</title><link rel="icon" href="data:,"><style>${STYLE}</style><main>` +
  `<header><h1>This connection</h1><p>These are the figures of the TCP connection that this page hears of them over, ` +
  `as tcplab keeps them, four times a second. No kernel took part at this end.</p></header>` +
  `<p id="over">The connection has ended. A new one is tried.</p>` +
  `<section><h2>States so far</h2><ol id="path"></ol></section>` +
  `<section><h2>Round trip and congestion</h2><dl class="grid big">${figure("srtt", "Smoothed round trip")}${
    figure("rto", "Retransmission time-out")
  }${figure("cwnd", "Congestion window")}${figure("flight", "In flight")}</dl>` +
  `<svg viewBox="0 0 240 64" preserveAspectRatio="none" role="img" aria-label="Round trip over time"><polyline id="line"/></svg></section>` +
  `<section><h2>Sending (relative to ISS)</h2><dl class="grid">${figure("una", "SND.UNA")}${
    figure("nxt", "SND.NXT")
  }${figure("wnd", "SND.WND")}${figure("iss", "ISS")}</dl></section>` +
  `<section><h2>Receiving (relative to IRS)</h2><dl class="grid">${figure("rnxt", "RCV.NXT")}${
    figure("rwnd", "RCV.WND")
  }${figure("irs", "IRS")}</dl></section>` +
  `<section><h2>Agreed and counted</h2><dl class="grid">${figure("name", "Connection")}${
    figure("mss", "Segment at most")
  }${figure("scale", "Window scale, theirs / ours")}${figure("options", "Options")}${
    figure("control", "Congestion control")
  }${figure("lost", "Sent again")}${figure("segments", "Segments in / out")}${
    figure("octets", "Bytes in / out")
  }</dl></section>` +
  `<section><h2>To measure with</h2><nav><a href="/tcb.json">/tcb.json</a><a href="/time">/time</a>` +
  `<a href="/bytes/1000000">/bytes/1000000</a><p><code>curl -o /dev/null http://<span class="host">ADDRESS</span>/bytes/1000000000</code>, ` +
  `<code>curl -T FILE http://<span class="host">ADDRESS</span>/upload</code></p></nav></section></main><script>${SCRIPT}</script></html>\n`;
