// GET / for a reader: what an operator wants to know at one glance, without scripts and without anything from elsewhere.
#include "node/overview/page_parts.hpp"

namespace distributor::node {

std::string html_escaped(const std::string& text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

namespace page {

const char* const kStyle = R"css(
:root{--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#5f6b7a;--line:#d9dee5;--good:#1a7f4b;--warn:#a15c00;--bad:#b3261e;--bar:#2f6fbd;--track:#e8ecf1}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b2129;--ink:#e6eaf0;--dim:#97a3b3;--line:#303945;--good:#5ac88f;--warn:#e9a94b;--bad:#f2837b;--bar:#5b9be6;--track:#2a323d}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:20px 16px 48px}
header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;justify-content:space-between;margin-bottom:14px}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 10px}h3{font-size:15px;margin:0}
.dim{color:var(--dim)}.small{font-size:13px}.mono{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:13px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin:0 0 12px;overflow-x:auto}
.concern{border-left:4px solid var(--warn);padding:8px 12px;margin:0 0 8px;background:var(--card)}
.concern.urgent{border-left-color:var(--bad)}.concern.none{border-left-color:var(--good)}
svg{display:block;width:100%;height:auto;max-height:320px}
svg text{fill:var(--ink);font:14px system-ui,"DejaVu Sans",sans-serif}svg .t{font-weight:600;font-size:17px}svg .d{fill:var(--dim);font-size:13px}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px 24px;margin:0}
dt{color:var(--dim);font-size:13px}dd{margin:0;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:3px 10px 3px 0;text-align:left;font-weight:400;white-space:nowrap}th{color:var(--dim);font-size:13px}
td.n,th.n{text-align:right}td.share{width:40%;min-width:140px}
.track{background:var(--track);border-radius:3px;height:12px}.fill{background:var(--bar);border-radius:3px;height:12px;min-width:1px}
.lb{display:flex;flex-wrap:wrap;gap:2px 14px;align-items:baseline;margin-bottom:8px}
.tag{border:1px solid var(--line);border-radius:10px;padding:0 8px;font-size:12px;color:var(--dim)}
.tag.bad{color:var(--bad);border-color:var(--bad)}
summary{cursor:pointer;color:var(--dim);font-size:13px}
)css";

namespace {

std::string concern_lines(const Overview& overview) {
  const auto concerns = concerns_of(overview);
  if (concerns.empty()) return "<div class=\"concern none\">Nothing needs attention.</div>";
  std::string html;
  for (const auto& concern : concerns) {
    html += std::string("<div class=\"concern") + (concern.urgent ? " urgent" : "") + "\">" + html_escaped(concern.text) + "</div>";
  }
  return html;
}

}  // namespace
}  // namespace page

std::string overview_page(const Overview& overview) {
  const auto self = html_escaped(overview.pair.self.node.text());
  return std::string("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>") +
         self + " &ndash; distributor</title><style>" + page::kStyle + "</style></head><body><main><header><h1>Distributor pair</h1>" +
         "<span class=\"dim small\">as " + self + " sees it, " + utc_time(overview.unix_ms) + " UTC, version " + html_escaped(overview.pair.self.version) +
         ", refreshed every 5 s</span></header>" + page::concern_lines(overview) + "<div class=\"card\">" + page::pair_picture(overview) + "</div>" +
         page::facts(overview) + page::balancers(overview) + page::takeovers(overview) + "</main></body></html>\n";
}

}  // namespace distributor::node
