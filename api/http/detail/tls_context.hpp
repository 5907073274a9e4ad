// The server's TLS context (P1).
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "api/http/server.hpp"

namespace distributor::api::detail {

// TLS 1.2 and 1.3, client certificate of one of the CAs required (its name is not checked), no renegotiation,
// compression or session reuse.
tl::expected<std::shared_ptr<boost::asio::ssl::context>, ServerError> make_context(const std::string& certificate_file,
                                                                                   const std::string& key_file,
                                                                                   const std::string& client_ca_file);

}  // namespace distributor::api::detail
