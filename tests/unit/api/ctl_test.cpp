// distributorctl as an operator runs it, against a server on loopback: what it prints and its exit codes (P1, P3-P9).
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

#include "node/ctl/bodies.hpp"
#include "node/ctl/human.hpp"
#include "node/ctl/settings.hpp"
#include "tests/unit/api/server_fixture.hpp"

namespace distributor::api {
namespace {

namespace json = boost::json;
using testing::Certificates;
using ::testing::HasSubstr;
using testing::kLb;
using testing::kOtherLb;
using ::testing::Not;
using ::testing::StartsWith;
using testing::ServerTest;

struct Outcome {
  int code = -1;
  std::string text;  // what was printed, to either stream
};

// Arguments are trusted: they come from the tests below.
Outcome shell(const std::string& line) {
  Outcome outcome;
  FILE* output = ::popen((line + " 2>&1").c_str(), "r");
  std::array<char, 4096> chunk{};
  while (const auto bytes = std::fread(chunk.data(), 1, chunk.size(), output)) outcome.text.append(chunk.data(), bytes);
  const int status = ::pclose(output);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

class CtlTest : public ServerTest {
 protected:
  std::string credentials(const testing::Identity& identity) const {
    return " --cert " + identity.certificate_file + " --key " + identity.key_file + " --ca " + ca_file;
  }
  Outcome ctl(const std::string& arguments) const {
    return shell(std::string(DISTRIBUTORCTL) + " --address 127.0.0.1 --port " + std::to_string(port) +
                 credentials(client_identity) + " " + arguments);
  }
  const std::string lb = kLb;
  const std::string plug =
      "plug " + lb +
      " --vip 192.0.2.10 --subnet 192.0.2.0/24 --gateway 192.0.2.1 --node node-a=02:00:00:00:00:0a,192.0.2.11"
      " --node node-b=02:00:00:00:00:0b --additional-vip 2001:db8::10,2001:db8::/64 --cluster-size 4"
      " --hash-seed 00000000000000ff --route 198.51.100.0/24=192.0.2.2 --affinity Source_IP --mtu 1450";
};

TEST_F(CtlTest, ConfiguresALoadBalancerFromPlugToUnplug) {  // P3, P5-P7, F1, A5
  start();
  const auto plugged = ctl(plug);
  EXPECT_EQ(plugged.code, 0) << plugged.text;
  EXPECT_THAT(plugged.text, HasSubstr("192.0.2.10 in 192.0.2.0/24, gateway 192.0.2.1"));
  EXPECT_THAT(plugged.text, HasSubstr("seed 00000000000000ff, cluster size 4"));
  EXPECT_THAT(plugged.text, HasSubstr("durability pair, programmed on node-a node-b"));

  const auto registered = ctl("register " + lb + " 02:00:00:00:01:01@2=amphora-1 02:00:00:00:01:02 --json");
  EXPECT_EQ(registered.code, 0) << registered.text;
  const auto answer = json::parse(registered.text).as_object();
  EXPECT_EQ(answer.at("amphorae").as_array()[1].as_object().at("position"), 2);
  EXPECT_EQ(answer.at("amphorae").as_array()[1].as_object().at("amphora_id"), "amphora-1");

  EXPECT_EQ(ctl("register " + lb + " 02:00:00:00:01:09 --standby").code, 0);
  EXPECT_THAT(ctl("replace " + lb + " --failed 02:00:00:00:01:01").text, HasSubstr("2    02:00:00:00:01:09"));
  backend.mapped = Position{2};
  EXPECT_THAT(ctl("where " + lb + " 203.0.113.5 --client-port 7").text, HasSubstr("position 2, 02:00:00:00:01:09"));
  EXPECT_THAT(ctl("lb show " + lb).text, HasSubstr("15 packets, 1500 bytes"));
  EXPECT_THAT(ctl("lb list").text, HasSubstr(lb + "  192.0.2.10"));
  EXPECT_THAT(ctl("lb list").text, HasSubstr("1 load balancers"));
  EXPECT_THAT(ctl("unregister " + lb + " 02:00:00:00:01:02").text, HasSubstr("vacant         0 1 3"));
  EXPECT_EQ(ctl("unplug " + lb).code, 0);
  EXPECT_THAT(ctl("lb list").text, HasSubstr("0 load balancers"));
}

TEST_F(CtlTest, WhatMayBeOldIsSaidFirst) {  // H3
  start();
  EXPECT_EQ(ctl(plug).code, 0);
  EXPECT_THAT(ctl("lb list").text, Not(HasSubstr("OLD")));
  EXPECT_TRUE(json::parse(ctl("lb list --json").text).at("stale").is_null());
  backend.old = "this node was deposed";
  for (const auto& read : {std::string("lb list"), "lb show " + lb, "where " + lb + " 203.0.113.5"}) {
    EXPECT_THAT(ctl(read).text, StartsWith("MAY BE OLD     this node was deposed\n")) << read;
  }
  EXPECT_EQ(json::parse(ctl("lb list --json").text).at("stale"), "this node was deposed");
  EXPECT_THAT(ctl("watch --once --interval 0.2").text, HasSubstr("this node was deposed"));
}

TEST_F(CtlTest, StatusShowsBothNodes) {  // P9
  backend.pair_view.pair_id = "pair-1";
  backend.pair_view.phase = "leading";
  backend.pair_view.self.node = testing::parsed<NodeId>("node-a");
  backend.pair_view.peer = MemberView{};
  backend.pair_view.peer->node = testing::parsed<NodeId>("node-b");
  backend.pair_view.dropped.push_back(
      DroppedView{Term{3}, Seq{9}, "", "register", std::nullopt, "it was changed meanwhile"});
  start();
  const auto status = ctl("status");
  EXPECT_EQ(status.code, 0);
  EXPECT_THAT(status.text, HasSubstr("pair-1, leading"));
  EXPECT_THAT(status.text, HasSubstr("this node      node-a"));
  EXPECT_THAT(status.text, HasSubstr("peer           node-b"));
  EXPECT_THAT(status.text, HasSubstr("seq 9 register of -: it was changed meanwhile"));
}

TEST_F(CtlTest, ExitCodesTellWhatWentWrong) {  // P1
  start();
  const auto refused = ctl("lb show " + std::string(kOtherLb));
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("refused (404, load_balancer_not_found): lb_id: "));
  EXPECT_EQ(ctl("lb show x/y?z").code, 1);
  EXPECT_EQ(ctl("frobnicate").code, 2);
  EXPECT_EQ(ctl("register " + lb + " 02:00:00:00:01:01@high").code, 2);
  EXPECT_EQ(ctl("status --config " + certificates.path("absent.toml")).code, 2);

  const std::string program = DISTRIBUTORCTL;
  EXPECT_EQ(shell(program + " status --address 127.0.0.1 --port 1" + credentials(client_identity)).code, 3);
  const std::string here = program + " status --address 127.0.0.1 --port " + std::to_string(port);
  const auto stranger = shell(here + credentials(certificates.issue("other-ca", "stranger")));
  EXPECT_EQ(stranger.code, 4) << stranger.text;
  EXPECT_EQ(shell(here + credentials({certificates.path("absent.crt"), client_identity.key_file})).code, 4);
  EXPECT_EQ(ctl("status --server-name distributor-1").code, 0);
  const auto misnamed = ctl("status --server-name distributor-2");
  EXPECT_EQ(misnamed.code, 4);
  EXPECT_THAT(misnamed.text, HasSubstr("server name"));
}

TEST_F(CtlTest, ServerThatDoesNotAnswerIsGivenUp) {
  backend.hold_changes = true;
  start();
  const auto given_up = ctl(plug + " --timeout 1");
  EXPECT_EQ(given_up.code, 3);
  EXPECT_THAT(given_up.text, HasSubstr("wanted an answer from 127.0.0.1"));
}

TEST_F(CtlTest, OptionsComeFromTheEnvironmentAndAFile) {
  start();
  const auto file = certificates.path("ctl.toml");
  std::ofstream(file) << "address = \"127.0.0.1\"\nport = " << port << "\ncert = \"" << client_identity.certificate_file
                      << "\"\nkey = \"" << client_identity.key_file << "\"\nca = \"" << ca_file
                      << "\"\nserver_name = \"distributor-1\"\n";
  const std::string program = DISTRIBUTORCTL;
  EXPECT_EQ(shell(program + " lb list --config " + file).code, 0);
  EXPECT_EQ(shell("DISTRIBUTOR_CONFIG=" + file + " " + program + " lb list").code, 0);
  EXPECT_EQ(shell("DISTRIBUTOR_SERVER_NAME=another DISTRIBUTOR_CONFIG=" + file + " " + program + " lb list").code, 4);
  EXPECT_EQ(
      shell("DISTRIBUTOR_SERVER_NAME=another " + program + " lb list --server-name distributor-1 --config " + file)
          .code,
      0);
}

TEST(CtlSettings, UnknownKeysAndWrongTypesAreErrors) {
  EXPECT_THAT(ctl::parse_settings("adress = \"a\"").error(), HasSubstr("adress: wanted address, "));
  EXPECT_THAT(ctl::parse_settings("port = \"9443\"").error(), HasSubstr("port: wanted a whole number from 1 to 65535"));
  EXPECT_THAT(ctl::parse_settings("port = 65536").error(), HasSubstr("port"));
  EXPECT_THAT(ctl::parse_settings("cert = 7").error(), HasSubstr("cert: wanted a string"));
  EXPECT_THAT(ctl::parse_settings("cert = ").error(), HasSubstr("line 1"));
  EXPECT_EQ(ctl::parse_settings("timeout_s = 5")->timeout_s, 5U);
}

TEST(CtlSettings, AKeyIsNeverTakenFromAnotherPlaceThanItsCertificate) {
  ctl::Settings file;
  file.cert = "file.crt";
  file.key = "file.key";
  ctl::Settings said;
  said.cert = "said.pem";
  EXPECT_FALSE(ctl::merged(said, file).key);
  EXPECT_EQ(ctl::merged({}, file).key, "file.key");
}

TEST(CtlBodies, ArgumentsThatCannotBeMeantAreRefused) {
  using Lists = std::vector<std::string>;
  const std::vector<std::pair<Lists ctl::PlugArguments::*, std::string>> table = {
      {&ctl::PlugArguments::nodes, "node-a"},
      {&ctl::PlugArguments::nodes, "node-a=02:00:00:00:00:0a,192.0.2.11,x"},
      {&ctl::PlugArguments::nodes, "node-a=02:00:00:00:00:0a,192.0.2.11,7,8"},
      {&ctl::PlugArguments::routes, "198.51.100.0/24"},
      {&ctl::PlugArguments::additional_vips, "192.0.2.10"},
  };
  for (const auto& [member, text] : table) {
    ctl::PlugArguments arguments;
    arguments.*member = {text};
    const auto body = ctl::plug_body(arguments);
    ASSERT_FALSE(body) << text;
    EXPECT_THAT(body.error(), HasSubstr("found " + text));
  }
  EXPECT_FALSE(ctl::register_body({"02:00:00:00:01:01@"}, false));
  EXPECT_EQ(ctl::percent_encoded("a b/..\r\n?\xc3"), "a%20b%2F..%0D%0A%3F%C3");
}

TEST(CtlHuman, WhatIsNotUnderstoodIsPrintedAsItIs) {
  for (auto* human : {ctl::human_load_balancer, ctl::human_list, ctl::human_where, ctl::human_pair}) {
    EXPECT_EQ(human("<html>"), "<html>\n");
    EXPECT_NE(human(R"({"amphorae":[7],"nodes":[null],"self":3,"dropped":["x"],"loadbalancers":[1]})"), "");
  }
  EXPECT_THAT(ctl::human_error(502, "gateway"), HasSubstr("502"));
}

// The daemon's end of the administration socket: one line in, one line out.
class AdminPeer {
 public:
  AdminPeer(const std::string& path, std::string answer) : acceptor_(io_, Protocol::endpoint(path)) {
    thread_ = std::thread([this, answer = std::move(answer)] {
      Protocol::socket socket(io_);
      acceptor_.accept(socket);
      boost::asio::read_until(socket, boost::asio::dynamic_buffer(received), '\n');
      boost::asio::write(socket, boost::asio::buffer(answer + "\n"));
    });
  }
  ~AdminPeer() { thread_.join(); }
  std::string received;

 private:
  using Protocol = boost::asio::local::stream_protocol;
  boost::asio::io_context io_;
  Protocol::acceptor acceptor_;
  std::thread thread_;
};

TEST_F(CtlTest, InitAloneAndLossesGoOverTheLocalSocket) {  // H13, H8
  const auto path = certificates.path("admin.sock");
  const std::string program = std::string(DISTRIBUTORCTL) + " --admin-socket " + path;
  EXPECT_EQ(shell(program + " init --alone").code, 3);
  EXPECT_EQ(shell(program + " init").code, 2);
  std::string asked;
  {
    AdminPeer peer(path, R"({"ok":true,"message":"this node is the pair now"})");
    const auto done = shell(program + " init --alone");
    EXPECT_EQ(done.code, 0);
    EXPECT_EQ(done.text, "this node is the pair now\n");
    asked = peer.received;
  }
  EXPECT_EQ(asked, "{\"command\":\"init-alone\"}\n");
  std::filesystem::remove(path);
  {
    AdminPeer peer(path, R"({"ok":false,"message":"nothing was lost"})");
    const auto done = shell(program + " losses --acknowledge 3-0123456789ab --json");
    EXPECT_EQ(done.code, 1);
    EXPECT_EQ(json::parse(done.text).at("message"), "nothing was lost");
    asked = peer.received;
  }
  EXPECT_EQ(asked, "{\"command\":\"acknowledge-losses\",\"mark\":\"3-0123456789ab\"}\n");
  std::filesystem::remove(path);
  AdminPeer peer(path, "nonsense");
  EXPECT_EQ(shell(program + " init --alone").code, 3);
}

}  // namespace
}  // namespace distributor::api
