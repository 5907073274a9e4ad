// What ovsdb-server sends: JSON texts, and table updates in them (X3).
#include "openflow/ovsdb/detail/json_framer.hpp"
#include "openflow/ovsdb/detail/view.hpp"
#include "tests/fuzz/target.hpp"

using namespace distributor::ovsdb::detail;

void distributor::fuzz::one_input(std::string_view bytes) {
  JsonFramer framer(1U << 20U);
  View view;
  // In two pieces, as a socket may give them.
  for (const auto piece : {bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)}) {
    const auto texts = framer.push(piece);
    if (!texts) return;
    for (const auto& text : *texts) {
      if (!view.apply(text)) view.clear();
      if (const auto* object = text.if_object(); object != nullptr && object->contains("result")) {
        if (!view.apply(object->at("result"))) view.clear();
      }
    }
  }
}
