/* html_style.c - how the page looks: light or dark as the reader's system is, one column, tables that
 * scroll in their own box, and something sensible on paper. Colours for data are those of Okabe and Ito,
 * which people with any colour vision can tell apart; nothing is said by colour alone. */
#include "broker/report/html.h"

/* clang-format off */
const char *const html_style[] = {
    ":root{color-scheme:light dark;--bg:#f6f7f8;--card:#fff;--ink:#16191d;--soft:#5a6472;"
    "--line:#e2e6ea;--strong:#c3cad2;--link:#0b5cad;--issued:#0072b2;--denied:#d55e00;"
    "--revoked:#b05a92;--failed:#c98a00;--alive:#00856a;--alert:#b3261e;--alertbg:#fdecea;"
    "--look:#8a5a00;--lookbg:#fdf3dc;--note:#46515e;--notebg:#eef1f4;--add:#e3f4ea;--del:#fbe9e7}\n",
    "@media (prefers-color-scheme:dark){:root{--bg:#0f1215;--card:#171b20;--ink:#e7eaee;"
    "--soft:#98a3b0;--line:#282e36;--strong:#3d4651;--link:#7db7f0;--issued:#56b4e9;"
    "--denied:#f0894a;--revoked:#d896bd;--failed:#e9b949;--alive:#35c39b;--alert:#ff8a80;"
    "--alertbg:#3a1c1b;--look:#f0c46a;--lookbg:#352a12;--note:#b3bdc9;--notebg:#222830;"
    "--add:#12301f;--del:#3a1f1d}}\n",
    "*{box-sizing:border-box}\n",
    "html{scroll-behavior:smooth}\n",
    "body{margin:0;background:var(--bg);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica "
    "Neue\",Arial,sans-serif}\n",
    "main,header.top,footer{max-width:1120px;margin:0 auto;padding:0 20px}\n",
    "header.top{padding-top:32px}\n",
    "h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}\n",
    "h2{font-size:19px;line-height:1.3;margin:0 0 4px;letter-spacing:-.005em}\n",
    "h3{font-size:14px;margin:20px 0 6px}\n",
    "a{color:var(--link);text-underline-offset:2px}\n",
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"Liberation Mono\",monospace;"
    "font-size:.87em}\n",
    ".period{font-size:16px;margin:0 0 10px}\n",
    ".facts{color:var(--soft);font-size:13px;margin:0 0 14px;display:flex;flex-wrap:wrap;"
    "gap:2px 18px}\n",
    ".facts b{font-weight:600;color:var(--ink)}\n",
    "nav{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:13.5px;margin:0 0 18px;"
    "padding:8px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}\n",
    "nav a{text-decoration:none}nav a:hover{text-decoration:underline}\n",
    "section{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:20px 22px;margin:0 0 18px}\n",
    ".about,.more,.none{color:var(--soft);font-size:13.5px;margin:0 0 12px;max-width:76ch}\n",
    ".more{margin:8px 0 0}\n",
    ".tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;"
    "margin:0 0 18px}\n",
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:12px 16px 10px;border-top:3px solid var(--c)}\n",
    ".tile .v{display:block;font-size:25px;line-height:1.25;font-weight:650;"
    "font-variant-numeric:tabular-nums;letter-spacing:-.01em}\n",
    ".tile .k{display:block;font-size:13.5px;font-weight:600}\n",
    ".tile .s{display:block;color:var(--soft);font-size:12.5px}\n",
    ".issued{--c:var(--issued)}.denied{--c:var(--denied)}.revoked{--c:var(--revoked)}"
    ".failed{--c:var(--failed)}.alive{--c:var(--alive)}.grey{--c:var(--soft)}\n",
    "ul.findings{list-style:none;margin:10px 0 0;padding:0;display:grid;gap:6px}\n",
    ".findings li{display:flex;gap:10px;align-items:baseline;border-radius:7px;padding:7px 12px;"
    "background:var(--fb)}\n",
    ".findings .l{flex:none;width:3.6em;font-size:11.5px;font-weight:700;letter-spacing:.05em;"
    "text-transform:uppercase;color:var(--f)}\n",
    ".findings .w{overflow-wrap:anywhere}.findings a{color:inherit;text-decoration:none}"
    ".findings a:hover{text-decoration:underline}\n",
    ".alert{--f:var(--alert);--fb:var(--alertbg)}.look{--f:var(--look);--fb:var(--lookbg)}"
    ".note{--f:var(--note);--fb:var(--notebg)}\n",
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));"
    "gap:18px 32px;margin-top:12px}\n",
    "figure{margin:0;min-width:0}\n",
    "figcaption{display:flex;gap:8px;align-items:baseline;font-weight:600;font-size:14px;"
    "margin-bottom:2px}\n",
    "figcaption::before{content:\"\";width:9px;height:9px;border-radius:2px;background:var(--c);"
    "flex:none}\n",
    "figcaption span{color:var(--soft);font-weight:400;font-size:13px}\n",
    "svg.chart{display:block;width:100%;overflow:visible}\n",
    "svg text{font-size:11.5px;fill:var(--soft);font-variant-numeric:tabular-nums}\n",
    "svg .halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}\n",
    "svg .grid{stroke:var(--line)}svg .axis{stroke:var(--strong)}\n",
    "svg .b{fill:var(--c)}svg .faint{fill-opacity:.32}svg g:hover .b{fill:var(--ink);"
    "fill-opacity:1}\n",
    ".wide{overflow-x:auto;margin:0 -22px;padding:0 22px}\n",
    "table{border-collapse:collapse;width:100%;font-size:13.5px}\n",
    "th,thead td{text-align:left;font-weight:600;color:var(--soft);font-size:12.5px;padding:4px 14px 5px 0;"
    "border-bottom:1px solid var(--strong);vertical-align:bottom;white-space:nowrap}\n",
    "td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "overflow-wrap:break-word;max-width:24em}\n",
    "th:last-child,td:last-child{padding-right:0}\n",
    "tbody tr:last-child td{border-bottom:0}\n",
    "th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;min-width:0}\n",
    "td.t{min-width:0;white-space:nowrap;font-variant-numeric:tabular-nums}\n",
    "td.zero{color:var(--soft);opacity:.6}\n",
    "td.bar{width:26%;min-width:90px;padding-right:18px;vertical-align:middle}\n",
    "td.bar svg{display:block;width:100%;height:8px}td.bar rect{fill:var(--c)}\n",
    "td:first-child:not(.t){min-width:8.5em}\n",
    "td.n+td.t,td.n+td:not(.n),th.n+th:not(.n){padding-left:6px}\n",
    "\n",
    ".list{display:block;min-width:15em}td .list>span{display:inline-block;margin-right:12px}\n",
    "tr.others td{color:var(--soft);font-style:italic}\n",
    ".cols{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));"
    "gap:4px 36px}\n",
    ".tag{display:inline-block;border-radius:4px;padding:0 6px;font-size:12px;font-weight:600;"
    "white-space:nowrap;background:var(--fb);color:var(--f)}\n",
    ".sub{display:block;color:var(--soft);font-size:12.5px}\n",
    ".policy{border-top:1px solid var(--line);padding:12px 0 10px}\n",
    ".policy:first-of-type{border-top:0}\n",
    ".policy h3{margin:0 0 2px;font-size:14px}.policy p{margin:2px 0;font-size:13.5px}\n",
    ".changes{margin:6px 0;padding:0;list-style:none;font-size:13px}\n",
    ".changes li{overflow-wrap:anywhere;padding-left:1.2em;text-indent:-1.2em}\n",
    "details{margin:6px 0 0}summary{cursor:pointer;color:var(--link);font-size:13.5px}\n",
    "pre.diff{margin:8px 0 0;padding:8px 0;overflow-x:auto;border:1px solid var(--line);"
    "border-radius:7px;line-height:1.45;font-size:12px}\n",
    "pre.diff span{display:block;padding:0 12px;min-width:max-content}\n",
    "pre.diff .p{background:var(--add)}pre.diff .m{background:var(--del)}"
    "pre.diff .h{color:var(--soft)}\n",
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:3px "
    "18px;margin:0;font-size:13.5px}\n",
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\n",
    "ul.plain{margin:0;padding-left:1.2em;font-size:13.5px;max-width:80ch}\n",
    "footer{color:var(--soft);font-size:12.5px;padding-bottom:36px}\n",
    "@media (max-width:1000px){.tiles{grid-template-columns:repeat(3,1fr)}}\n",
    "@media (max-width:560px){main,header.top,footer{padding-left:12px;padding-right:12px}"
    "header.top{padding-top:20px}section{padding:16px 14px}"
    ".wide{margin:0 -14px;padding:0 14px}h1{font-size:22px}"
    ".tiles{grid-template-columns:1fr 1fr}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:6px}"
    ".tile .v{font-size:21px}}\n",
    "@media print{:root{--bg:#fff;--card:#fff}body{font-size:11px}nav{display:none}"
    "section{border:0;border-top:1px solid var(--strong);border-radius:0;padding:12px 0;"
    "break-inside:auto}.tile,figure,tr,.policy{break-inside:avoid}"
    ".charts{grid-template-columns:1fr 1fr}h2,h3,.about{break-after:avoid}"
    "main,header.top,footer{max-width:none;padding:0}.wide{margin:0;padding:0;overflow:visible}"
    "*{print-color-adjust:exact}}\n",
    NULL,
};
/* clang-format on */
