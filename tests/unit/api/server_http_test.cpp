// HTTP over real TLS connections: bad input changes nothing, connections are reused, and everything is bounded (P3,
// P10, X3).
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "tests/unit/api/server_fixture.hpp"

namespace distributor::api {
namespace {

using std::chrono::milliseconds;
using testing::ClientOptions;
using ::testing::HasSubstr;
using testing::http_request;
using testing::HttpReply;
using testing::kLb;
using testing::kPlugBody;
using testing::kRegisterBody;
using testing::ServerTest;
using testing::TlsClient;

const std::string kBase = std::string("/1.0/loadbalancer/") + kLb;

std::string details(const HttpReply& reply) {
  const auto object = boost::json::parse(reply.body).as_object();
  EXPECT_EQ(object.at("http_code").to_number<unsigned>(), reply.status);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: application/json\r\n"));
  return std::string(object.at("details").as_string());
}

std::string noise(std::size_t bytes) {
  std::string text;
  std::uint32_t state = 2463534242U;  // xorshift32
  while (text.size() < bytes) {
    state ^= state << 13U;
    state ^= state >> 17U;
    state ^= state << 5U;
    text += static_cast<char>(state & 0xffU);
  }
  return text;
}

TEST_F(ServerTest, AChangeThatBelongsToTheOtherNodeNowGetsNoAnswerButAClosedConnection) {  // H7: Octavia's client replays it
  start();
  on_loop([&] { backend.refuse_changes = ApiError{ErrorCode::moved, "", "", ""}; });
  TlsClient connection(client());
  ASSERT_TRUE(connection.handshake());
  ASSERT_TRUE(connection.send(http_request("POST", kBase + "/plug", kPlugBody)));
  EXPECT_FALSE(connection.receive());
  EXPECT_TRUE(connection.closed_by_server());
  on_loop([&] { backend.refuse_changes.reset(); });
  EXPECT_EQ(post("plug", kPlugBody).status, 200U) << "the replay";
}

TEST_F(ServerTest, AnAddressThatMovesAwaySendsItsClientsAway) {  // H7
  start();
  TlsClient idle(client()), busy(client());
  ASSERT_TRUE(idle.handshake() && busy.handshake());
  ASSERT_TRUE(idle.send(http_request("GET", "/")));
  ASSERT_EQ(idle.receive()->status, 200U);
  on_loop([&] { backend.hold_changes = true; });
  ASSERT_TRUE(busy.send(http_request("POST", kBase + "/plug", kPlugBody)));
  ASSERT_TRUE(eventually([&] { return backend.held.size() == 1; }));
  on_loop([&] { server->leave("127.0.0.1"); });
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_FALSE(ask(client(), http_request("GET", "/"))) << "a new one is closed at once";
  on_loop([&] { backend.held.at(0)(); });
  EXPECT_EQ(busy.receive()->status, 200U) << "what was in flight is answered";
  EXPECT_TRUE(busy.closed_by_server());
  on_loop([&] {
    server->stay();
    backend.hold_changes = false;
  });
  EXPECT_EQ(call("GET", "/").status, 200U);
  on_loop([&] { server->leave("192.0.2.10"); });
  EXPECT_EQ(call("GET", "/").status, 200U) << "other addresses are served as ever";
}

TEST_F(ServerTest, BadInputIsAClearErrorAndChangesNothing) {  // P3, P6, X3
  start();
  ASSERT_EQ(post("plug", kPlugBody).status, 200U);
  ASSERT_EQ(post("register", kRegisterBody).status, 200U);
  const auto before = digest();
  struct Bad {
    const char* what;
    const char* verb;
    std::string body;
    unsigned status;
    const char* said;
  };
  const std::string plug = kPlugBody;
  auto plug_with = [&](const std::string& from, const std::string& to) {
    return std::string(plug).replace(plug.find(from), from.size(), to);
  };
  const std::vector<Bad> table = {
      {"unknown field", "plug", plug_with("\"gateway\"", "\"gatewy\""), 400, "gatewy: "},
      {"wrong type", "plug", plug_with("\"192.0.2.1\"", "1"), 400, "gateway: wanted a string, found a number (1)"},
      {"bad MAC", "register", R"({"amphorae":[{"mac_address":"02:00:00:00:01"}]})", 400, "amphorae[0].mac_address: "},
      {"VIP outside its subnet", "plug", plug_with("192.0.2.10", "198.51.100.10"), 400, "vip_address: "},
      {"gateway outside the subnet", "plug", plug_with("\"192.0.2.1\"", "\"198.51.100.1\""), 400, "gateway: "},
      {"position out of range", "register", R"({"amphorae":[{"mac_address":"02:00:00:00:01:05","position":9}]})", 400,
       "amphorae[0].position: "},
      {"position taken", "register", R"({"amphorae":[{"mac_address":"02:00:00:00:01:05","position":0}]})", 409,
       "amphorae[0].position: "},
      {"truncated JSON", "register", std::string(kRegisterBody).substr(0, 40), 400, "incomplete"},
      {"noise within the bound", "register", noise(200'000), 400, "wanted JSON"},
      {"1 MB of noise", "register", noise(1024 * 1024), 400, "wanted a body of at most 262144 bytes"},
      {"10 MB of noise", "plug", noise(10 * 1024 * 1024), 400, "wanted a body of at most 262144 bytes"},
  };
  for (const auto& bad : table) {
    const auto reply = post(bad.verb, bad.body);
    EXPECT_EQ(reply.status, bad.status) << bad.what;
    EXPECT_THAT(details(reply), HasSubstr(bad.said)) << bad.what;
    EXPECT_EQ(digest(), before) << bad.what;
  }
}

TEST_F(ServerTest, MalformedHttpIsAClearErrorAndEndsTheConnection) {  // X3
  start();
  const std::vector<std::pair<std::string, std::string>> table = {
      {"nonsense\r\n\r\n", "wanted an HTTP/1.1 request"},
      {noise(100'000), "wanted "},
      {"GET / HTTP/3.7\r\n\r\n", "wanted an HTTP/1.1 request"},
      {"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", "wanted an HTTP/1.1 request"},
      {"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "wanted an HTTP/1.1 request"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", "wanted an HTTP/1.1 request"},
      {"GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "wanted a header of at most 16384 bytes"},
      {"GET /" + std::string(200'000, 'x'), "wanted a header of at most 16384 bytes"},
  };
  for (const auto& [bytes, said] : table) {
    TlsClient connection(client());
    ASSERT_TRUE(connection.handshake());
    connection.send(bytes);
    const auto reply = connection.receive();
    ASSERT_TRUE(reply) << bytes.substr(0, 60);
    EXPECT_EQ(reply->status, 400U);
    EXPECT_THAT(details(*reply), HasSubstr(said)) << bytes.substr(0, 60);
    EXPECT_THAT(reply->head, HasSubstr("Connection: close"));
    EXPECT_FALSE(connection.send(http_request("GET", "/")) && connection.receive());
  }
  EXPECT_EQ(stats().requests_malformed, table.size());
}

TEST_F(ServerTest, OneConnectionServesTenThousandRequests) {  // P10
  start();
  TlsClient connection(client());
  ASSERT_TRUE(connection.handshake());
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(connection.send(http_request("GET", "/")));
    const auto reply = connection.receive();
    ASSERT_TRUE(reply) << i;
    ASSERT_EQ(reply->body, R"({"api_version":"1.0"})");
  }
  EXPECT_EQ(stats().connections_accepted, 1U);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {  // P10
  start();
  std::string all =
      http_request("POST", kBase + "/plug", kPlugBody) + http_request("POST", kBase + "/register", kRegisterBody);
  for (int i = 0; i < 50; ++i) all += http_request("GET", kBase + "/where?client=192.0.2.7&port=" + std::to_string(i));
  all += http_request("GET", "/1.0/nothing") + http_request("HEAD", "/") + http_request("GET", "/");
  TlsClient connection(client());
  ASSERT_TRUE(connection.handshake());
  ASSERT_TRUE(connection.send(all));
  EXPECT_THAT(connection.receive()->body, HasSubstr("\"amphorae\":[]"));
  EXPECT_THAT(connection.receive()->body, HasSubstr("02:00:00:00:01:02"));
  for (int i = 0; i < 50; ++i)
    EXPECT_THAT(connection.receive()->body, HasSubstr("\"port\":" + std::to_string(i) + ","));
  EXPECT_EQ(connection.receive()->status, 404U);
}

TEST_F(ServerTest, ConnectionEndsWhenTheClientSaysSo) {  // P10
  start();
  for (const std::string& request :
       {http_request("GET", "/", "", "Connection: close\r\n"), std::string("GET / HTTP/1.0\r\n\r\n")}) {
    TlsClient connection(client());
    ASSERT_TRUE(connection.handshake());
    ASSERT_TRUE(connection.send(request));
    EXPECT_EQ(connection.receive()->status, 200U);
    EXPECT_TRUE(connection.closed_by_server());
  }
}

TEST_F(ServerTest, HeadHasNoBodyAndChunkedAndExpectWork) {  // P10
  start();
  TlsClient connection(client());
  ASSERT_TRUE(connection.handshake());
  ASSERT_TRUE(connection.send("POST " + kBase +
                              "/plug HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: " +
                              std::to_string(std::string(kPlugBody).size()) + "\r\n\r\n"));
  EXPECT_EQ(connection.receive()->status, 100U);
  ASSERT_TRUE(connection.send(kPlugBody));
  EXPECT_EQ(connection.receive()->status, 200U);
  const std::string half = "{\"amphorae\":[{\"mac_address\":";
  const std::string rest = "\"02:00:00:00:01:01\"}]}";
  ASSERT_TRUE(connection.send("POST " + kBase +
                              "/register HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n" + half +
                              "\r\n16\r\n" + rest + "\r\n0\r\n\r\n"));
  const auto reply = connection.receive();
  EXPECT_EQ(reply->status, 200U) << reply->body;
  ASSERT_TRUE(connection.send(http_request("HEAD", "/") + http_request("GET", "/")));
  const auto head = connection.receive(true);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 405U);
  EXPECT_THAT(head->head, HasSubstr("Allow: GET\r\n"));
  EXPECT_EQ(connection.receive()->body, R"({"api_version":"1.0"})");
}

TEST_F(ServerTest, SlowClientsAreClosed) {  // P10
  limits.handshake_time = milliseconds(100);
  limits.read_time = milliseconds(100);
  limits.idle_time = milliseconds(150);
  start();
  TlsClient silent(client());
  EXPECT_TRUE(silent.closed_by_server());

  TlsClient half(client());
  ASSERT_TRUE(half.handshake());
  ASSERT_TRUE(half.send("POST " + kBase + "/plug HTTP/1.1\r\nContent-Length: 400\r\n\r\n{"));
  EXPECT_TRUE(half.closed_by_server());

  TlsClient idle(client());
  ASSERT_TRUE(idle.handshake());
  ASSERT_TRUE(idle.send(http_request("GET", "/")));
  ASSERT_TRUE(idle.receive());
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_TRUE(eventually([&] { return server->stats().timeouts == 3 && server->stats().connections_open == 0; }));
}

TEST_F(ServerTest, ClientThatDoesNotReadIsClosed) {  // P10
  limits.write_time = milliseconds(200);
  start();
  ASSERT_EQ(post("plug", kPlugBody).status, 200U);
  TlsClient deaf(client());
  ASSERT_TRUE(deaf.handshake());
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += http_request("GET", kBase);
  deaf.send(many);  // the server stops reading while it cannot write
  EXPECT_TRUE(eventually([&] { return server->stats().connections_open == 0; }));
  EXPECT_EQ(call("GET", "/").status, 200U);
}

TEST_F(ServerTest, IdleConnectionsAreBoundedAndRoomIsUsedAgain) {  // P10
  limits.connections_max = 20;
  start();
  std::vector<std::unique_ptr<TlsClient>> idle;
  for (std::size_t i = 0; i < limits.connections_max; ++i) {
    idle.push_back(std::make_unique<TlsClient>(client()));
    ASSERT_TRUE(idle.back()->handshake());
  }
  EXPECT_EQ(stats().connections_open, limits.connections_max);
  TlsClient waiting(client());  // in the kernel's queue
  ASSERT_TRUE(idle[3]->send(http_request("GET", "/")));
  EXPECT_TRUE(idle[3]->receive());
  EXPECT_EQ(stats().connections_accepted, limits.connections_max);
  idle.erase(idle.begin());
  ASSERT_TRUE(waiting.handshake());
  ASSERT_TRUE(waiting.send(http_request("GET", "/")));
  EXPECT_TRUE(waiting.receive());
  EXPECT_EQ(stats().connections_open, limits.connections_max);
}

TEST_F(ServerTest, OneAddressCannotTakeAllConnections) {  // P10
  limits.connections_per_address_max = 5;
  start();
  std::vector<std::unique_ptr<TlsClient>> greedy;
  for (int i = 0; i < 5; ++i) {
    greedy.push_back(std::make_unique<TlsClient>(client()));
    ASSERT_TRUE(greedy.back()->handshake());
  }
  TlsClient sixth(client());
  EXPECT_TRUE(sixth.closed_by_server());
  ClientOptions other = client();
  other.from = "127.0.0.2";
  EXPECT_TRUE(ask(other, http_request("GET", "/")));
  EXPECT_EQ(stats().connections_refused, 1U);
}

TEST_F(ServerTest, FiveHundredIdleConnectionsDoNotDisturb) {  // P10
  start();
  std::vector<std::unique_ptr<TlsClient>> idle;
  for (int i = 0; i < 500; ++i) {
    idle.push_back(std::make_unique<TlsClient>(client()));
    ASSERT_TRUE(idle.back()->handshake()) << i;
  }
  EXPECT_EQ(call("GET", "/").status, 200U);
  idle.clear();
  EXPECT_TRUE(eventually([&] { return server->stats().connections_open == 0; }));
}

TEST_F(ServerTest, RequestsInFlightAreBounded) {  // P10
  limits.requests_in_flight_max = 2;
  backend.hold_changes = true;
  ASSERT_TRUE(backend.state.apply(PlugCommand{
      .lb = testing::parsed<LoadBalancerId>(kLb),
      .vips = {Vip{testing::parsed<IpAddress>("192.0.2.10"), testing::parsed<IpPrefix>("192.0.2.0/24"), {}, {}}},
      .nodes = {NodeInterface{
          testing::parsed<NodeId>("node-a"), testing::parsed<MacAddress>("02:00:00:00:00:0a"), {}, {}}},
      .hash_seed = {},
      .cluster_size = {},
      .mtu = {}}));
  start();
  TlsClient first(client());
  TlsClient second(client());
  for (auto* one : {&first, &second}) {
    ASSERT_TRUE(one->handshake());
    ASSERT_TRUE(one->send(http_request("POST", kBase + "/register", kRegisterBody)));
  }
  ASSERT_TRUE(eventually([&] { return backend.held.size() == 2; }));
  const auto third = call("GET", "/");
  EXPECT_EQ(third.status, 503U);
  EXPECT_THAT(third.body, HasSubstr("too_busy"));
  on_loop([&] {
    for (const auto& one : backend.held) one();
    backend.held.clear();
  });
  EXPECT_EQ(first.receive()->status, 200U);
  EXPECT_EQ(second.receive()->status, 200U);
  EXPECT_EQ(stats().requests_in_flight, 0U);
}

TEST_F(ServerTest, AnswerThatDoesNotComeIsA503) {  // P10: below the 60 s that Octavia's client waits
  EXPECT_LT(limits.answer_time, std::chrono::seconds(60));
  limits.answer_time = milliseconds(100);
  backend.hold_changes = true;
  start();
  const auto reply = post("plug", kPlugBody);
  EXPECT_EQ(reply.status, 503U);
  EXPECT_THAT(reply.body, HasSubstr("not_durable_in_time"));
  // The late answer finds nobody, and the next request is served.
  on_loop([&] {
    for (const auto& one : backend.held) one();
    backend.held.clear();
    backend.hold_changes = false;
  });
  EXPECT_EQ(post("plug", kPlugBody).status, 200U);
}

TEST_F(ServerTest, StopLetsRequestsInFlightFinish) {  // H7
  backend.hold_changes = true;
  start();
  TlsClient busy(client());
  TlsClient idle(client());
  ASSERT_TRUE(busy.handshake());
  ASSERT_TRUE(idle.handshake());
  ASSERT_TRUE(busy.send(http_request("POST", kBase + "/plug", kPlugBody)));
  ASSERT_TRUE(eventually([&] { return backend.held.size() == 1; }));
  bool stopped = false;
  on_loop([&] { server->stop(std::chrono::seconds(30), [&] { stopped = true; }); });
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_THROW(TlsClient{client()}, std::runtime_error);
  on_loop([&] { backend.held.front()(); });
  const auto reply = busy.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200U);
  EXPECT_THAT(reply->head, HasSubstr("Connection: close"));
  EXPECT_TRUE(eventually([&] { return stopped; }));
}

TEST_F(ServerTest, StopEndsAfterItsGraceWhateverIsInFlight) {  // H7
  backend.hold_changes = true;
  start();
  TlsClient busy(client());
  ASSERT_TRUE(busy.handshake());
  ASSERT_TRUE(busy.send(http_request("POST", kBase + "/plug", kPlugBody)));
  ASSERT_TRUE(eventually([&] { return backend.held.size() == 1; }));
  bool stopped = false;
  on_loop([&] { server->stop(milliseconds(50), [&] { stopped = true; }); });
  EXPECT_TRUE(eventually([&] { return stopped; }));
  EXPECT_TRUE(busy.closed_by_server());
}

}  // namespace
}  // namespace distributor::api
