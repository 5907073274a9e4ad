// What Octavia sends as files, and what the other node sends about them (X3, P2). The first byte says which it is.
#include "api/agent_config/agent_config.hpp"
#include "api/certificate/bundle.hpp"
#include "node/octavia/document.hpp"
#include "tests/fuzz/target.hpp"

void distributor::fuzz::one_input(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto rest = bytes.substr(1);
  switch (bytes.front() % 3) {
    case 0:
      (void)api::parse_agent_config(rest);
      return;
    case 1:
      (void)api::check_bundle(rest, "distributor-1", api::WallTime{});
      return;
    default: {
      std::string disk = "content";
      node::Document document(node::DocumentKind::certificate, true, {},
                              {.adopt = [&](const std::string& content) -> tl::expected<void, api::ApiError> {
                                 disk = content;
                                 return {};
                               },
                               .read = [&] { return disk; },
                               .remember = [](const node::DocumentRecord&) {},
                               .term = [] { return Term{1}; },
                               .send = [](std::string_view) { return true; },
                               .log = [](bool, const std::string&) {}});
      document.on_connected({});
      document.on_frame(rest, {});
      (void)node::kind_of_frame(rest);
    }
  }
}
