// What distributorctl's exit codes mean; the same table is in its --help and its man page.
#pragma once

namespace distributor::ctl {

inline constexpr int kOk = 0;
inline constexpr int kRefused = 1;        // by the server, or a question was answered with no (diff, check)
inline constexpr int kUsage = 2;          // wrong arguments or settings
inline constexpr int kCannotConnect = 3;  // or no answer in time
inline constexpr int kTls = 4;            // a certificate is missing, unusable or refused

}  // namespace distributor::ctl
