// What has to be written so that the database holds what is wanted, given what it shows. Pure. RFC 7047, 5.2.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <optional>

#include "openflow/ovsdb/detail/view.hpp"
#include "openflow/ovsdb/types.hpp"

namespace distributor::ovsdb::detail {

// Operations of one transaction. Empty: it already stands so. Otherwise the last operation selects next_cfg, which was
// raised: when vswitchd's cur_cfg has reached it, vswitchd has done all it can about this change.
using Operations = boost::json::array;

Operations ensure_bridge(const View& view, const BridgeSpec& spec);
// `touch`: write next_cfg even if nothing differs, so that vswitchd tries again.
Operations attach(const View& view, const PortSpec& spec, std::uint16_t ofport_request, bool touch);
Operations detach(const View& view, const std::string& port);
Operations set_external_ids(const View& view, const std::string& port, const StringMap& ids);
Operations remove_bridge(const View& view, const std::string& bridge);

// The lowest number that no port of the bridge asks for or has; `taken` = promised to attachments under way.
std::optional<std::uint16_t> free_ofport(const View& view, const std::string& bridge,
                                         const std::map<std::string, std::uint16_t>& taken);

// next_cfg from the reply to such a transaction; an error of the transaction in words.
tl::expected<std::int64_t, std::string> read_reply(const boost::json::value& result);

}  // namespace distributor::ovsdb::detail
