#include "page_style.hpp"

#include <openssl/evp.h>
#include <array>

namespace lifeboat::health {

namespace {

// Colours of text have a contrast of 4.5 or more to what they stand on, in both modes (WCAG 2.2, AA).
constexpr const char style[] = R"css(
:root{color-scheme:light dark;--page:#eef2f5;--card:#fff;--ink:#16212c;--soft:#536171;--line:#d9e0e7;--well:#f4f7f9;
--good:#11734a;--good-soft:#e3f4eb;--warn:#8a5000;--warn-soft:#fdf1dc;--bad:#b42318;--bad-soft:#fdeae7;
--idle:#3f566e;--idle-soft:#e5ecf3;--bar:#22699c;--bar-other:#8a5000}
@media(prefers-color-scheme:dark){:root{--page:#0f151b;--card:#182029;--ink:#e7edf3;--soft:#a2b0be;--line:#2b3743;
--well:#1f2933;--good:#4fc98f;--good-soft:#16322a;--warn:#f2b550;--warn-soft:#3a2c14;--bad:#ff8b7f;--bad-soft:#40201d;
--idle:#a9c1da;--idle-soft:#22303e;--bar:#5aaee0;--bar-other:#f2b550}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","Liberation Sans",sans-serif;overflow-wrap:anywhere}
.all{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 2.5rem}
a{color:inherit}
code,.mono{font:.9em ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
code{background:var(--well);border:1px solid var(--line);border-radius:.3em;padding:.05em .3em}
h1,h2,h3,p,ul,ol,dl,dd,figure{margin:0;padding:0}
svg{display:block}
.shapes{position:absolute}
.seen-by-none{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
header{display:flex;align-items:center;gap:.6rem;margin-bottom:1rem;flex-wrap:wrap}
header .ring{width:1.7rem;height:1.7rem;flex:none}
header .whose{font-weight:650;font-size:1.05rem}
header .what{color:var(--soft)}
header .when{margin-left:auto;color:var(--soft);font-size:.875rem}
section,.hero{background:var(--card);border:1px solid var(--line);border-radius:.9rem;padding:1.25rem 1.4rem;
margin-bottom:1rem}
.hero{display:grid;grid-template-columns:auto 1fr;gap:.2rem 1.1rem;align-items:center;border-left:.4rem solid var(--tone);
background:linear-gradient(100deg,var(--tone-soft),var(--card) 65%)}
.hero>svg{width:3.25rem;height:3.25rem;color:var(--tone)}
.hero h1{font-size:1.65rem;line-height:1.2;letter-spacing:-.01em;font-weight:700;text-wrap:balance}
.hero .more{margin-top:.35rem;color:var(--soft);font-size:1.05rem}
.hero .work{grid-column:1/-1;margin-top:1rem;padding-top:1rem;border-top:1px solid var(--line)}
.good{--tone:var(--good);--tone-soft:var(--good-soft)}
.attention{--tone:var(--warn);--tone-soft:var(--warn-soft)}
.bad{--tone:var(--bad);--tone-soft:var(--bad-soft)}
.idle{--tone:var(--idle);--tone-soft:var(--idle-soft)}
.work p{display:flex;flex-wrap:wrap;gap:0 1rem;justify-content:space-between;font-size:.95rem}
.work p+progress{margin-top:.5rem}
progress{appearance:none;display:block;width:100%;height:.6rem;border:1px solid var(--line);border-radius:.3rem;
overflow:hidden;background:var(--well);color:var(--bar)}
progress::-webkit-progress-bar{background:var(--well)}
progress::-webkit-progress-value{background:var(--bar)}
progress::-moz-progress-bar{background:var(--bar)}
h2{font-size:1.05rem;font-weight:650;margin-bottom:.8rem}
h3{font-size:1rem;font-weight:650}
.todo{list-style:none;counter-reset:step}
.todo li{display:grid;grid-template-columns:auto 1fr auto;align-items:start;gap:.1rem .8rem;padding:.9rem 0;border-top:1px solid var(--line)}
.todo li:first-child{border-top:0;padding-top:0}
.todo li:last-child{padding-bottom:0}
.todo svg{width:1.4rem;height:1.4rem;color:var(--tone)}
.todo .code{color:var(--soft);font-size:.8125rem;line-height:1.5rem}
.todo p{grid-column:2/-1}
.todo .next{margin-top:.45rem;padding:.55rem .8rem;border-radius:.5rem;background:var(--tone-soft)}
.todo .next b{font-weight:650}
.note{display:grid;grid-template-columns:auto 1fr;gap:.8rem;color:var(--soft)}
.note svg{width:1.4rem;height:1.4rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem;margin-bottom:1rem}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:.9rem;padding:.9rem 1.1rem}
.tiles dt{color:var(--soft);font-size:.875rem}
.tiles dd b{display:block;font-size:1.2rem;font-weight:650;line-height:1.35}
.tiles dd{color:var(--soft);font-size:.875rem}
.tiles dd b{color:var(--ink)}
.days{list-style:none;display:grid;grid-template-columns:repeat(30,minmax(0,1fr));gap:.15rem}
.days li{display:grid;justify-items:center;align-content:start;padding:.45rem 0 .3rem;border-radius:.4rem;position:relative;
background:var(--well)}
.days li.today{outline:2px solid var(--soft);outline-offset:-1px}
.days svg{width:1.15rem;height:1.15rem}
.days .date{font-size:.75rem;color:var(--soft);line-height:1.1;margin-top:.35rem;text-align:center;
font-variant-numeric:tabular-nums}
.days .date b{display:block;font-weight:600;color:var(--ink);margin-top:.15rem}
.days .also{position:absolute;top:.1rem;right:.1rem;width:.6rem;height:.6rem;color:var(--bad)}
.is-good,.is-proven{color:var(--good)}.is-marked,.is-partial{color:var(--warn)}.is-failed,.is-hidden{color:var(--bad)}
.is-none,.is-expired{color:var(--soft)}.is-running{color:var(--bar)}
.cut{fill:none;stroke:var(--card);stroke-width:2.2;stroke-linecap:round;stroke-linejoin:round}
.key{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin-top:.9rem;color:var(--soft);font-size:.875rem}
.key li{display:flex;align-items:center;gap:.4rem}
.key svg{width:1rem;height:1rem;flex:none}
.charts{display:grid;grid-template-columns:1fr 1fr;gap:1rem}
.charts section{min-width:0}
.charts h2{margin-bottom:.1rem}
.charts .sum{color:var(--soft);font-size:.9rem;margin-bottom:.9rem}
.plot{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.35rem .5rem}
.plot .ticks{display:flex;flex-direction:column;justify-content:space-between;text-align:right;font-size:.75rem;
color:var(--soft);line-height:1;margin:-.375rem 0;white-space:nowrap;font-variant-numeric:tabular-nums}
.plot svg{width:100%;height:8.5rem;overflow:visible}
.plot .dates{grid-column:2;display:flex;justify-content:space-between;font-size:.75rem;color:var(--soft)}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.bar{fill:var(--bar)}
.bar-other{fill:var(--card);stroke:var(--bar-other);stroke-width:1.5;vector-effect:non-scaling-stroke}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left}
th,td{text-align:left;padding:.5rem .75rem .5rem 0;border-top:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{border-top:0;padding-top:0;color:var(--soft);font-size:.875rem}
th:last-child,td:last-child{padding-right:0}
.num{text-align:right;white-space:nowrap}
.num+:not(.num){padding-left:1.25rem}
.copy{min-width:8.5rem}
thead .copy{white-space:nowrap}
.runs{table-layout:fixed}
.runs .c1{width:11.5rem}.runs .c2{width:11rem}.runs .c3{width:7rem}.runs .c4{width:6.5rem}
.runs tbody th{white-space:nowrap}
.runs td,.runs th{vertical-align:baseline}
details{margin-top:.6rem}
summary{cursor:pointer;color:var(--soft);font-size:.95rem;padding:.35rem 0}
details thead{display:none}
tbody th{font-weight:550}
.runs tbody th{font-weight:400}
td.state{white-space:nowrap}
td.state span{display:inline-flex;gap:.4rem;align-items:baseline}
td.state svg{width:1rem;height:1rem;flex:none;align-self:center}
.lack{color:var(--bad);font-weight:550}
.rest{color:var(--soft);margin-top:.8rem;font-size:.9rem}
.why{color:var(--soft);font-size:.9rem}
footer{color:var(--soft);font-size:.875rem;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:.4rem .2rem 0}
@media(max-width:46rem){
.all{padding:.8rem .7rem 2rem}
header .what{display:none}
section,.hero{padding:1rem}
.hero{gap:.2rem .8rem;grid-template-columns:auto 1fr}
.hero>svg{width:2.4rem;height:2.4rem}
.hero h1{font-size:1.3rem}
.hero .more{grid-column:1/-1}
.tiles{grid-template-columns:1fr 1fr;gap:.6rem}
.tiles div{padding:.7rem .8rem}
.tiles dd b{font-size:1.05rem}
.days{grid-template-columns:repeat(10,minmax(0,1fr));gap:.25rem}
.charts{grid-template-columns:minmax(0,1fr);gap:0}
.wide{display:none}
.todo li{grid-template-columns:auto 1fr}
.todo .code{grid-column:2}
.runs .c1,.runs .c2,.runs .c3{width:auto}
.runs .c4{display:none}
.runs{table-layout:auto}
.copy{min-width:6rem}
tbody th{min-width:6.8rem}
.runs tbody th{min-width:0;font-size:.875rem}
.runs td{font-size:.875rem}
td.state{white-space:normal}
th,td{padding-right:.4rem;font-size:.9375rem}
.num+:not(.num){padding-left:.75rem}
}
@media(prefers-contrast:more){:root{--line:currentColor;--soft:var(--ink)}}
@media print{body{background:#fff}section,.hero{break-inside:avoid}}
)css";

// Each differs from the others in its outline or in what is cut out of it, not in colour alone. 20 units wide.
constexpr const char shapes[] = R"svg(<svg class="shapes" width="0" height="0" aria-hidden="true" focusable="false">
<symbol id="good" viewBox="0 0 20 20"><circle cx="10" cy="10" r="9" fill="currentColor"/><path class="cut" d="M5.8 10.4l2.9 2.9 5.5-6"/></symbol>
<symbol id="proven" viewBox="0 0 20 20"><path fill="currentColor" d="M10 .6l8.2 2.8v6.2c0 4.8-3.3 8.2-8.2 9.8-4.9-1.6-8.2-5-8.2-9.8V3.4z"/><path class="cut" d="M6 10l2.8 2.8 5.2-5.6"/></symbol>
<symbol id="marked" viewBox="0 0 20 20"><path fill="currentColor" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" d="M10 2.2L18.6 17.6H1.4z"/><path class="cut" d="M10 7.6v4.6M10 15.1v.1"/></symbol>
<symbol id="partial" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8" fill="none" stroke="currentColor" stroke-width="2"/><path fill="currentColor" d="M10 2a8 8 0 0 0 0 16z"/></symbol>
<symbol id="failed" viewBox="0 0 20 20"><path fill="none" stroke="currentColor" stroke-width="3.4" stroke-linecap="round" d="M3.5 3.5l13 13M16.5 3.5l-13 13"/></symbol>
<symbol id="hidden" viewBox="0 0 20 20"><rect x="2" y="2" width="16" height="16" rx="2.5" fill="none" stroke="currentColor" stroke-width="2.2"/><path fill="none" stroke="currentColor" stroke-width="2.2" d="M3 17L17 3"/></symbol>
<symbol id="expired" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3.2 3"/></symbol>
<symbol id="none" viewBox="0 0 20 20"><path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" d="M7 10h6"/></symbol>
<symbol id="running" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8" fill="none" stroke="currentColor" stroke-width="2"/><path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="M10 5.4V10l3.2 2"/></symbol>
<symbol id="alarm" viewBox="0 0 20 20"><path fill="currentColor" d="M6.2 1h7.6L19 6.2v7.6L13.8 19H6.2L1 13.8V6.2z"/><path class="cut" d="M10 5.4v5.6M10 14.4v.1"/></symbol>
<symbol id="paused" viewBox="0 0 20 20"><circle cx="10" cy="10" r="9" fill="currentColor"/><path class="cut" d="M7.8 6.6v6.8M12.2 6.6v6.8"/></symbol>
<symbol id="ring" viewBox="0 0 20 20"><circle cx="10" cy="10" r="6.6" fill="none" stroke="#e0532f" stroke-width="4.8"/><circle cx="10" cy="10" r="6.6" fill="none" stroke="#fff" stroke-width="4.8" stroke-dasharray="3.4 6.967" stroke-dashoffset="1.7"/><circle cx="10" cy="10" r="9" fill="none" stroke="#8d3a24" stroke-width=".6"/><circle cx="10" cy="10" r="4.2" fill="none" stroke="#8d3a24" stroke-width=".6"/></symbol>
</svg>)svg";

// In base64, as a policy wants it.
std::string hash_of(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    std::size_t length = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), digest.data(), &length) != 1) {
        return {};  // then nothing is allowed, and the page is plain
    }
    std::array<unsigned char, 45> base64{};
    const int written = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
    return {base64.begin(), base64.begin() + written};
}

}  // namespace

Markup page_style() {
    return style;
}

Markup page_shapes() {
    return shapes;
}

const std::string& page_policy() {
    static const std::string policy = "default-src 'none'; style-src 'sha256-" + hash_of(page_style().text()) +
                                      "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    return policy;
}

}  // namespace lifeboat::health
