// Certificates made for one test, in a directory of its own that goes with it.
#pragma once

#include <memory>
#include <string>

#include "tests/unit/scratch_folder.hpp"

namespace distributor::api::testing {

struct Identity {
  std::string certificate_file;  // PEM
  std::string key_file;          // PEM
};

class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  enum class Validity { now, expired, not_yet };

  // A CA and the file of its certificate. Names are file names too.
  std::string make_ca(const std::string& name);
  // A leaf certificate of that CA; server_name: its dNSName, empty for clients.
  Identity issue(const std::string& ca, const std::string& name, Validity validity = Validity::now,
                 const std::string& server_name = {});
  // The key of that leaf, PEM with a passphrase.
  std::string encrypted_key(const std::string& name) const;
  std::string path(const std::string& file) const { return directory_ / file; }

 private:
  struct Authority;
  const test::ScratchFolder directory_;
  std::unique_ptr<Authority> authorities_;
};

}  // namespace distributor::api::testing
