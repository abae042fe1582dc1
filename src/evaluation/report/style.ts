/** The page's CSS: one accent colour, one warning colour and greys, for light, dark and print. */
export const style = `
:root{color-scheme:light dark;--paper:#fff;--panel:#f6f7f9;--ink:#1a1f26;--muted:#596371;--line:#dfe3e8;--accent:#2a5bd0;--accent-soft:#e3ebfc;--warning:#b5460f;--warning-soft:#fcebe2}
@media screen and (prefers-color-scheme:dark){:root{--paper:#13161a;--panel:#1b1f25;--ink:#e6e9ed;--muted:#a2abb7;--line:#2e353e;--accent:#7fa8ff;--accent-soft:#1d2a47;--warning:#ff9d66;--warning-soft:#3a2317}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:48px 32px 64px}
h1,h2,h3{line-height:1.25;margin:0;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:32px;letter-spacing:-.015em}
h2{font-size:24px;letter-spacing:-.01em}
h3{font-size:16px}
p{margin:0}
a{color:var(--accent);text-underline-offset:3px}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.eyebrow{color:var(--muted);font-size:14px;margin-bottom:6px}
.muted,.note{color:var(--muted)}
.note{font-size:14px;max-width:74ch;overflow-wrap:anywhere}
section{margin-top:64px;padding-top:32px;border-top:1px solid var(--line)}
section.summary{margin-top:12px;padding-top:0;border-top:0}
h2 .tag{margin-left:10px;font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--muted);letter-spacing:0}
.block{margin-top:32px}
.block>h2,.block>h3{margin-bottom:10px}
.columns{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:36px 48px;margin-top:32px}
.overview{display:grid;grid-template-columns:minmax(0,5fr) minmax(0,6fr);gap:24px 48px;align-items:start}
.stats{display:flex;flex-wrap:wrap;gap:16px 36px;margin:20px 0 0}
.stats div{min-width:76px}
.stats dt{color:var(--muted);font-size:14px}
.stats dd{margin:0;font-size:24px;font-weight:600;letter-spacing:-.01em;line-height:1.3}
.stats dd small{display:block;font-size:13px;font-weight:400;color:var(--muted);letter-spacing:0}
.stats dd small.incomplete{max-width:44ch}
td small.incomplete,.stats dd small.incomplete{color:var(--warning)}
.verdict{margin-top:20px;padding:12px 16px;border-left:3px solid var(--line);background:var(--panel);max-width:78ch;overflow-wrap:anywhere}
.verdict.bad{border-color:var(--warning);background:var(--warning-soft)}
.verdict strong{margin-right:6px}
.verdict.bad strong,.bad-number{color:var(--warning)}
figure td,figure thead th,.columns .scroll td{padding-left:10px;white-space:normal}
.scroll{overflow-x:auto;max-width:720px}
.full>.scroll{max-width:none}
.full thead th,.summary thead th{white-space:normal}
.names thead th{overflow-wrap:anywhere}
.scroll+.note{margin-top:10px}
.scroll+.scroll,.note+.scroll{margin-top:24px}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--muted);font-size:14px;padding-bottom:6px}
th,td{padding:7px 0 7px 20px;text-align:right;border-bottom:1px solid var(--line);vertical-align:baseline;white-space:nowrap}
th:first-child,td:first-child{padding-left:0;text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:120px}
thead th{color:var(--muted);font-weight:500;vertical-align:bottom}
tbody th{font-weight:500}
tfoot th,tfoot td{font-weight:600;border-bottom:0}
td small{display:block;color:var(--muted);font-size:13px;font-weight:400}
figure{margin:0;min-width:0}
figcaption{margin-bottom:8px}
figcaption h3{margin-bottom:2px}
svg{display:block;width:100%;height:auto;overflow:visible}
.chart{max-width:560px}
.chart text{font-size:12px;fill:var(--muted)}
.chart .ticks.y text{text-anchor:end}
.chart .ticks.x text,.chart .name{text-anchor:middle}
.chart .row{font-size:13px;fill:var(--ink)}
.grid path{stroke:var(--line);fill:none}
.axis{stroke:var(--muted);fill:none}
.outline{stroke:var(--warning);stroke-width:1.75;fill:none}
.band{fill:var(--accent-soft)}
.right{fill:var(--accent)}
.wrong{fill:var(--warning)}
circle.dot{stroke:var(--paper);stroke-width:1.5}
.line{stroke:var(--accent);stroke-width:1.5;fill:none}
.reference{stroke:var(--muted);stroke-dasharray:4 3;fill:none}
.whisker{stroke:var(--accent);stroke-width:1.75;fill:none}
.whisker.faint{stroke:var(--muted);stroke-width:1}
.card{fill:var(--paper);stroke:var(--muted);stroke-width:1.5}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0 0;padding:0;list-style:none;font-size:13px;color:var(--muted)}
.legend li{display:flex;align-items:center;gap:7px;overflow-wrap:anywhere;min-width:0}
.legend svg{width:auto;height:14px;flex:none}
.key{display:inline-block;width:10px;height:10px;margin-right:6px;border-radius:2px;background:var(--accent)}
.key.bad{background:var(--warning);margin-left:14px}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;color:var(--muted)}
summary:hover{color:var(--ink)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
[hidden]{display:none!important}
.filter{display:flex;flex-wrap:wrap;align-items:end;gap:10px 16px;margin-top:14px;font-size:14px}
.filter label{display:flex;flex-direction:column;gap:4px;min-width:0;color:var(--muted);font-size:13px}
.filter input,.filter select{font:inherit;font-size:14px;height:38px;padding:0 10px;border:1px solid var(--line);border-radius:4px;background:var(--paper);color:var(--ink);width:100%;max-width:260px;min-width:0}
.filter input{width:260px}
.filter output{color:var(--muted);padding:8px 0}
.mistake{margin:0;border-bottom:1px solid var(--line)}
.mistakes{border-top:1px solid var(--line)}
.mistake .line,.mistake summary{display:grid;grid-template-columns:14px minmax(68px,auto) minmax(0,1fr) auto;gap:0 12px;padding:10px 0;color:var(--ink);list-style:none;align-items:baseline}
.mistake summary::-webkit-details-marker{display:none}
.mistake .line::before{content:""}
.mistake .line{font-size:14px;padding:10px 0}
.mistake summary::before{content:"+";color:var(--muted);text-align:center}
.mistake[open] summary::before{content:"−"}
.mistake .margin{font-weight:600;color:var(--warning);text-align:right}
.mistake .line1{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.mistake .where{grid-column:4;display:grid;grid-auto-flow:column;grid-template-columns:max-content;grid-auto-columns:minmax(0,max-content);color:var(--muted);font-size:13px;max-width:40ch;min-width:0}
.mistake .where span{white-space:nowrap;overflow:hidden;text-overflow:ellipsis;min-width:0}
.mistake .where span+span{margin-left:8px;padding-left:8px;border-left:1px solid var(--line)}
.texts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px 24px;padding:4px 0 20px 26px}
.texts>.prompt{grid-column:1/-1}
.texts h4{margin:0 0 6px;font-size:13px;font-weight:500;color:var(--muted);display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 12px}
.texts h4 b{font-weight:600;color:var(--ink);overflow-wrap:anywhere;min-width:0}
.text{margin:0;padding:10px 14px;max-height:300px;overflow:auto;contain:paint;background:var(--panel);border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;font-size:14px;line-height:1.5}
.cut{color:var(--muted);font-style:italic}
.facts{display:grid;grid-template-columns:fit-content(44%) minmax(0,1fr);gap:6px 28px;margin:16px 0 0;font-size:14px}
.facts dt{color:var(--muted);overflow-wrap:anywhere;min-width:0}
.facts dd{margin:0;overflow-wrap:anywhere}
@media screen and (max-width:760px){
main{padding:28px 16px 48px}
h1{font-size:26px}
h2{font-size:21px}
h2 .tag{margin-left:0;display:block}
section{margin-top:44px;padding-top:24px}
.columns,.overview,.texts{grid-template-columns:minmax(0,1fr)}
.columns{gap:28px}
.texts{padding-left:0}
.stats{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px 20px}
.mistake .line,.mistake summary{grid-template-columns:14px minmax(60px,auto) minmax(0,1fr)}
.mistake .where{grid-column:3;max-width:none}
.filter label,.filter input,.filter select{width:100%;max-width:none}
.facts{grid-template-columns:minmax(0,1fr);gap:0}
.facts dd{margin-bottom:8px}
th,td{padding-left:10px;white-space:normal}
th:first-child,td:first-child{min-width:84px}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack,.stack tbody,.stack tfoot,.stack tr,.stack th,.stack td{display:block}
.stack tr{padding:10px 0;border-bottom:1px solid var(--line)}
.stack tfoot tr{border-bottom:0}
.stack th,.stack td{border:0;padding:1px 0}
.stack tbody th,.stack tfoot th{padding-bottom:4px;font-weight:600}
.stack td{display:flex;justify-content:space-between;gap:16px}
.stack td>span{flex-shrink:0;max-width:60%}
.stack td.absent{display:none}
.stack td::before{content:attr(data-name);color:var(--muted);font-weight:400;text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:0}
}
@media print{
:root{color-scheme:light;--paper:#fff;--panel:#f6f7f9;--ink:#000;--muted:#444;--line:#ccc;--accent:#2a5bd0;--warning:#b5460f;--warning-soft:#fcebe2}
body{font-size:11pt}
main{max-width:none;padding:0}
figure,.stats,tr,.verdict{break-inside:avoid}
.filter{display:none}
.columns,.overview{gap:24px 28px}
table,td small{font-size:11px}
th,td{padding-left:8px;white-space:normal}
th:first-child,td:first-child{min-width:60px}
h2,h3{break-after:avoid}
.text{max-height:none;overflow:visible}
details::details-content{content-visibility:visible;display:block;height:auto}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;
