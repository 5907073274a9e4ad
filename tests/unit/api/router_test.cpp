// Every call, on a real registry: the answers that Octavia's client sees (P3-P10, H2, A5).
#include "api/routes/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "api/json/render.hpp"
#include "tests/unit/api/fake_backend.hpp"

namespace distributor::api {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using testing::FakeBackend;
using ::testing::HasSubstr;
using testing::kLb;
using testing::kOtherLb;
using testing::kPlugBody;
using testing::kRegisterBody;
using ::testing::Not;
using testing::parsed;

const std::string kBase = std::string("/1.0/loadbalancer/") + kLb;

class RouterTest : public ::testing::Test {
 protected:
  HttpAnswer call(const std::string& method, const std::string& target, const std::string& body = {},
                  const std::string& key = {}) {
    std::optional<HttpAnswer> answer;
    router.handle(HttpRequest{.method = method, .target = target, .body = body, .idempotency_key = key, .request_id = {}},
                  [&](HttpAnswer given) { answer = std::move(given); });
    return answer.value();
  }
  json::object get(const std::string& target) { return expect(200, call("GET", target)); }
  json::object post(const std::string& verb, const std::string& body) {
    return expect(200, call("POST", kBase + "/" + verb, body));
  }
  static json::object expect(unsigned status, const HttpAnswer& answer) {
    EXPECT_EQ(answer.status, status) << answer.body;
    return json::parse(answer.body).as_object();
  }
  // The answer must be an error in the shape that Octavia's client reads; gives its details.
  static std::string refusal(unsigned status, const HttpAnswer& answer) {
    const auto object = expect(status, answer);
    EXPECT_EQ(object.size(), 4U);
    EXPECT_EQ(object.at("http_code").to_number<unsigned>(), status);
    EXPECT_TRUE(object.at("message").is_string());
    EXPECT_TRUE(object.at("error").is_string());
    return std::string(object.at("details").as_string());
  }
  static std::vector<std::string> macs(const json::object& answer, const char* list) {
    std::vector<std::string> result;
    for (const auto& one : answer.at(list).as_array())
      result.emplace_back(one.as_object().at("mac_address").as_string());
    return result;
  }

  FakeBackend backend;
  Router router{backend, [] { return std::optional<std::uint64_t>{0x0123456789abcdefULL}; }};
};

TEST_F(RouterTest, VersionIsExactlyWhatOctaviaWants) {  // P10
  const auto answer = call("GET", "/");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, R"({"api_version":"1.0"})");
  EXPECT_EQ(call("GET", "//").body, answer.body);  // what its client really asks for
  EXPECT_EQ(call("GET", "//1.0/info").status, 200U);
}

TEST_F(RouterTest, PlugAnswersTheCompleteListAndWhoLacksAnInterface) {  // P3, A6, H2
  const auto answer = post("plug", kPlugBody);
  EXPECT_EQ(answer.at("lb_id"), kLb);
  EXPECT_EQ(answer.at("vip_address"), "192.0.2.10");
  EXPECT_EQ(answer.at("subnet_cidr"), "192.0.2.0/24");
  EXPECT_EQ(answer.at("gateway"), "192.0.2.1");
  EXPECT_EQ(answer.at("hash_seed"), "0123456789abcdef");
  EXPECT_EQ(answer.at("cluster_size"), 4);
  EXPECT_EQ(answer.at("affinity"), "Source_IP");
  EXPECT_EQ(answer.at("durability"), "pair");
  EXPECT_EQ(answer.at("changed"), true);
  EXPECT_EQ(json::serialize(answer.at("programmed")), R"(["node-a","node-b"])");
  EXPECT_EQ(json::serialize(answer.at("nodes_missing_interface")), R"(["node-b"])");
  EXPECT_EQ(json::serialize(answer.at("vacant_positions")), "[0,1,2,3]");
  EXPECT_TRUE(answer.at("amphorae").as_array().empty());
  EXPECT_EQ(backend.probes, 1);

  const auto again = post("plug", kPlugBody);
  EXPECT_EQ(again.at("changed"), false);
  EXPECT_EQ(again.at("hash_seed"), "0123456789abcdef");
}

TEST_F(RouterTest, PlugFromStoredRecordsGivesTheSameSeed) {  // H1
  const auto seed = std::string(post("plug", kPlugBody).at("hash_seed").as_string());
  backend.state = Registry();
  std::string body = kPlugBody;
  body.insert(1, R"("hash_seed":")" + seed + "\",");
  Router other(backend, [] { return std::optional<std::uint64_t>{1}; });
  HttpAnswer answer;
  other.handle(HttpRequest{"POST", kBase + "/plug", body, {}, {}}, [&](HttpAnswer given) { answer = std::move(given); });
  EXPECT_EQ(expect(200, answer).at("hash_seed"), json::value(seed));
}

TEST_F(RouterTest, InterfaceThatIsNotThereYetIsOctaviasRetrySignalAndChangesNothing) {  // P4
  backend.interface_there = false;
  const auto before = backend.state.digest();
  EXPECT_THAT(refusal(404, call("POST", kBase + "/plug", kPlugBody)), HasSubstr("No suitable network interface found"));
  EXPECT_EQ(backend.state.digest(), before);
  backend.interface_there = true;
  EXPECT_EQ(post("plug", kPlugBody).at("changed"), true);
}

TEST_F(RouterTest, ContradictionIsSaidBeforeTheInterfacesAreLookedFor) {  // P3, P4
  post("plug", kPlugBody);
  backend.interface_there = false;
  backend.probes = 0;
  std::string other = kPlugBody;
  other.replace(other.find("192.0.2.10"), 10, "192.0.2.77");
  refusal(409, call("POST", kBase + "/plug", other));
  EXPECT_EQ(backend.probes, 0);
}

TEST_F(RouterTest, NothingButAMissingInterfaceHoldsTheRetrySignal) {  // P10
  for (const auto& row : error_table()) {
    const bool retry =
        details_of(ApiError{.code = row.code, .field = {}, .message = {}, .fix = {}}).find("No suitable network") !=
        std::string::npos;
    EXPECT_EQ(retry, row.code == ErrorCode::interface_not_found) << row.name;
  }
}

TEST_F(RouterTest, EveryErrorHasAStatusThatOctaviaTakesAsError) {  // P10
  const std::set<unsigned> known = {400, 401, 403, 404, 405, 409, 500, 503};
  std::set<std::string_view> names;
  for (const auto& row : error_table()) {
    EXPECT_TRUE(known.contains(row.status)) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_FALSE(row.remedy.empty());
    EXPECT_EQ(row_of(row.code).name, row.name);
  }
}

TEST_F(RouterTest, RegisterFillsTheLowestPositionsAndListsAll) {  // P6, H2
  post("plug", kPlugBody);
  const auto answer = post("register", kRegisterBody);
  EXPECT_THAT(macs(answer, "amphorae"), ElementsAre("02:00:00:00:01:01", "02:00:00:00:01:02"));
  EXPECT_THAT(macs(answer, "spares"), ElementsAre("02:00:00:00:01:09"));
  EXPECT_EQ(json::serialize(answer.at("amphorae").as_array()[1]),
            R"({"mac_address":"02:00:00:00:01:02","position":1,"amphora_id":null,"role":"active"})");
  EXPECT_EQ(json::serialize(answer.at("spares").as_array()[0]),
            R"({"mac_address":"02:00:00:00:01:09","position":null,"amphora_id":"spare-1","role":"standby"})");
  EXPECT_EQ(json::serialize(answer.at("vacant_positions")), "[2,3]");
  EXPECT_EQ(post("register", kRegisterBody).at("changed"), false);
}

TEST_F(RouterTest, BadBatchesChangeNothing) {  // P6: whole batch or nothing
  post("plug", kPlugBody);
  post("register", kRegisterBody);
  const auto before = backend.state.digest();
  const std::string fresh = R"({"mac_address":"02:00:00:00:01:05"},)";
  EXPECT_THAT(refusal(409, call("POST", kBase + "/register",
                                R"({"amphorae":[)" + fresh + R"({"mac_address":"02:00:00:00:01:06","position":1}]})")),
              HasSubstr("amphorae[1].position"));
  EXPECT_THAT(refusal(400, call("POST", kBase + "/register",
                                R"({"amphorae":[)" + fresh + R"({"mac_address":"02:00:00:00:01:06","position":4}]})")),
              HasSubstr("amphorae[1].position"));
  EXPECT_THAT(refusal(400, call("POST", kBase + "/register",
                                R"({"amphorae":[)" + fresh + R"({"mac_address":"03:00:00:00:01:06"}]})")),
              HasSubstr("amphorae[1].mac_address"));
  EXPECT_EQ(backend.state.digest(), before);
}

TEST_F(RouterTest, UnregisterReplaceAndUnplugAnswerTheCompleteList) {  // P5, P7, F1, H2
  post("plug", kPlugBody);
  post("register", kRegisterBody);
  const auto replaced = post("replace", R"({"failed":"02:00:00:00:01:01"})");
  EXPECT_THAT(macs(replaced, "amphorae"), ElementsAre("02:00:00:00:01:09", "02:00:00:00:01:02"));
  EXPECT_EQ(post("replace", R"({"failed":"02:00:00:00:01:01"})").at("changed"), false);
  const auto left = post("unregister", R"({"amphorae":["02:00:00:00:01:09"]})");
  EXPECT_EQ(left.at("amphorae").as_array()[0].as_object().at("position"), 1);
  refusal(404, call("POST", kBase + "/replace", R"({"failed":"02:00:00:00:01:77"})"));
  const auto gone = post("unplug", "");
  EXPECT_EQ(gone.at("changed"), true);
  EXPECT_TRUE(gone.at("amphorae").as_array().empty());
  EXPECT_EQ(post("unplug", "{}").at("changed"), false);
  refusal(404, call("GET", kBase));
  refusal(404, call("POST", kBase + "/register", kRegisterBody));
}

TEST_F(RouterTest, StatusAddsPacketsAndBytes) {  // P9
  post("plug", kPlugBody);
  post("register", kRegisterBody);
  const auto status = get(kBase);
  EXPECT_EQ(status.at("packets"), 15);
  EXPECT_EQ(status.at("bytes"), 1500);
  EXPECT_EQ(status.at("amphorae").as_array()[1].as_object().at("packets"), 8);
  EXPECT_FALSE(status.contains("durability"));
  backend.counters_known = false;
  const auto without = get(kBase);
  EXPECT_FALSE(without.contains("packets"));
  EXPECT_THAT(std::string(without.at("counters_missing").as_string()), HasSubstr("Open vSwitch is away"));
}

TEST_F(RouterTest, ListIsCompleteAndBounded) {  // P9
  const int kMany = 1500;
  for (int i = 0; i < kMany; ++i) {
    LoadBalancer lb;
    char id[64];
    std::snprintf(id, sizeof id, "5d9b1f2c-6a4e-4c8e-9d41-%012d", i);
    lb.id = parsed<LoadBalancerId>(id);
    lb.ordinal = static_cast<std::uint32_t>(i + 1);
    lb.vips.push_back(Vip{parsed<IpAddress>("192.0.2.10"), parsed<IpPrefix>("192.0.2.0/24"), std::nullopt, {}});
    lb.slots.resize(16, Slot{Amphora{parsed<MacAddress>("02:00:00:00:01:01"), "an-amphora"}, std::nullopt});
    ASSERT_TRUE(backend.state.restore(std::move(lb)));
  }
  std::set<std::string> seen;
  std::string target = "/1.0/loadbalancer";
  int pieces = 0;
  while (!target.empty()) {
    const auto answer = call("GET", target);
    EXPECT_LT(answer.body.size(), kListBytesMax + 64 * 1024);
    const auto piece = expect(200, answer);
    EXPECT_EQ(piece.at("total"), kMany);
    for (const auto& one : piece.at("loadbalancers").as_array()) seen.emplace(one.as_object().at("lb_id").as_string());
    target = piece.at("next").is_null() ? "" : "/1.0/loadbalancer?after=" + std::string(piece.at("next").as_string());
    ++pieces;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kMany));
  EXPECT_GT(pieces, 1);
}

TEST_F(RouterTest, WhereNamesTheAmphora) {  // A5
  post("plug", kPlugBody);
  post("register", kRegisterBody);
  const auto answer = get(kBase + "/where?client=203.0.113.9&port=4711");
  EXPECT_EQ(answer.at("position"), 1);
  EXPECT_EQ(answer.at("mac_address"), "02:00:00:00:01:02");
  EXPECT_EQ(backend.flows.at(0).port, 4711);
  backend.mapped.reset();
  EXPECT_TRUE(get(kBase + "/where?client=2001:db8::9").at("position").is_null());
  EXPECT_THAT(refusal(400, call("GET", kBase + "/where")), HasSubstr("client"));
  refusal(404, call("GET", std::string("/1.0/loadbalancer/") + kOtherLb + "/where?client=192.0.2.7"));
}

TEST_F(RouterTest, StandbyReadsButRefusesChanges) {  // H3, P9
  post("plug", kPlugBody);
  backend.access = {.allowed = false, .reason = "this node is the standby", .leader = parsed<NodeId>("node-b")};
  const auto before = backend.state.digest();
  for (const std::string verb : {"plug", "register", "unplug"}) {
    const std::string body = verb == "plug" ? kPlugBody : verb == "register" ? kRegisterBody : "{}";
    const auto details = refusal(503, call("POST", kBase + "/" + verb, body));
    EXPECT_THAT(details, HasSubstr("this node is the standby"));
    EXPECT_THAT(details, HasSubstr("node-b"));
  }
  EXPECT_EQ(backend.state.digest(), before);
  EXPECT_EQ(get(kBase).at("lb_id"), kLb);
}

TEST_F(RouterTest, ReadsOfANodeThatMayBeBehindSaySo) {  // H3, P9
  post("plug", kPlugBody);
  const std::vector<std::string> reads = {"/1.0/loadbalancer", kBase, kBase + "/where?client=203.0.113.9"};
  for (const auto& read : reads) EXPECT_TRUE(get(read).at("stale").is_null()) << read;
  backend.old = R"(it was deposed ("by a higher term"))";
  for (const auto& read : reads) EXPECT_EQ(get(read).at("stale"), json::value(backend.old)) << read;
  EXPECT_FALSE(post("register", kRegisterBody).contains("stale")) << "a change is answered by the leader";
  const auto absent = refusal(404, call("GET", std::string("/1.0/loadbalancer/") + kOtherLb));
  EXPECT_THAT(absent, ::testing::AllOf(HasSubstr(backend.old), Not(HasSubstr("plug it first"))));
}

TEST_F(RouterTest, PairTellsBothNodesAndWhatWasLost) {  // H8
  auto& pair = backend.pair_view;
  pair.pair_id = "pair-1";
  pair.phase = "leading";
  pair.self.node = parsed<NodeId>("node-a");
  pair.self.role = "MASTER";
  pair.self.term = Term{7};
  pair.peer = MemberView{};
  pair.peer->node = parsed<NodeId>("node-b");
  pair.peer->committed = Seq{41};
  pair.affinity_at_risk = true;
  pair.affinity_reason = "the fingerprints differ";
  for (std::uint64_t i = 0; i < kDroppedListedMax + 5; ++i) {
    pair.dropped.push_back(
        DroppedView{Term{3}, Seq{i}, "", "register", parsed<LoadBalancerId>(kLb), "the leader had changed it"});
  }
  pair.dropped_mark = "200-0123456789ab";
  const auto answer = get("/1.0/pair");
  EXPECT_EQ(answer.at("phase"), "leading");
  EXPECT_EQ(answer.at("role"), "MASTER");
  EXPECT_EQ(answer.at("term"), 7);
  EXPECT_EQ(answer.at("peer").as_object().at("node_id"), "node-b");
  EXPECT_EQ(answer.at("peer").as_object().at("committed_seq"), 41);
  EXPECT_EQ(answer.at("affinity"), "at-risk");
  EXPECT_EQ(answer.at("dropped_total"), kDroppedListedMax + 5);
  EXPECT_EQ(answer.at("dropped").as_array().size(), kDroppedListedMax);
  EXPECT_EQ(answer.at("dropped").as_array().back().as_object().at("seq"), kDroppedListedMax - 1) << "the oldest: an operator acknowledges those, and sees the next";
  EXPECT_EQ(answer.at("dropped_mark"), "200-0123456789ab");
}

TEST_F(RouterTest, InfoAndDetails) {  // P9
  backend.node_view.hostname = "dist-a";
  backend.node_view.counters = {{"takeovers_total", 2}};
  backend.node_view.versions = {{"openvswitch", "3.1.0"}};
  post("plug", kPlugBody);
  EXPECT_EQ(get("/1.0/info").at("hostname"), "dist-a");
  EXPECT_EQ(get("/1.0/info").at("api_version"), "1.0");
  backend.node_view.limits = {.dedicated = true, .load_balancers_max = 1, .slots_max = 8, .unequal = "the peer's differ"};  // L6
  const auto limits = get("/1.0/info").at("limits").as_object();
  EXPECT_EQ(limits.at("mode"), "dedicated");
  EXPECT_EQ(limits.at("load_balancers_max"), 1);
  EXPECT_EQ(limits.at("slots_max"), 8);
  EXPECT_EQ(limits.at("unequal"), "the peer's differ");
  const auto details = get("/1.0/details");
  EXPECT_EQ(details.at("loadbalancers"), 1);
  EXPECT_EQ(details.at("counters").as_object().at("takeovers_total"), 2);
  EXPECT_EQ(details.at("packages").as_object().at("openvswitch"), "3.1.0");
}

TEST_F(RouterTest, UnknownPathsAndMethods) {  // P10
  for (const std::string path : {"/2.0/info", "/1.0", "/1.0/loadbalancer/", "/1.0//info", "/1.0/loadbalancer/a/b/plug", "", "*",
                                 "/1.0/loadbalancer//plug"}) {
    EXPECT_THAT(refusal(404, call("GET", path)), HasSubstr("GET /1.0/pair")) << path;
  }
  EXPECT_EQ(call("PUT", kBase).allow, "GET");
  EXPECT_EQ(call("GET", kBase + "/plug").allow, "POST");
  refusal(405, call("DELETE", kBase + "/plug"));
  EXPECT_THAT(refusal(400, call("GET", "/1.0/loadbalancer/not-a-uuid")), HasSubstr("lb_id"));
  EXPECT_THAT(refusal(400, call("GET", "/1.0/info?verbose=1")), HasSubstr("query"));
}

TEST_F(RouterTest, OneKeyForAWholeFlowNeverMakesOneCallPassForAnother) {  // P6
  expect(200, call("POST", kBase + "/plug", kPlugBody, "flow-1"));
  expect(200, call("POST", kBase + "/register", kRegisterBody, "flow-1"));
  expect(200, call("POST", kBase + "/register", kRegisterBody, "flow-1"));
  ASSERT_EQ(backend.request_ids.size(), 3U);
  EXPECT_THAT(backend.request_ids[0], ::testing::StartsWith("flow-1:"));
  EXPECT_NE(backend.request_ids[0], backend.request_ids[1]);
  EXPECT_EQ(backend.request_ids[1], backend.request_ids[2]);
  const std::string longest(kIdempotencyKeyBytesMax, 'k');
  expect(200, call("POST", kBase + "/register", kRegisterBody, longest));
  EXPECT_LE(backend.request_ids.back().size(), limits::kRequestIdBytesMax);
  EXPECT_THAT(refusal(400, call("POST", kBase + "/register", kRegisterBody, longest + "k")),
              HasSubstr("Idempotency-Key"));
  EXPECT_THAT(refusal(400, call("POST", kBase + "/register", kRegisterBody, "a b")), HasSubstr("Idempotency-Key"));
}

TEST_F(RouterTest, RequestIdIsAnotherNameOfTheKey) {  // P6
  const auto send = [&](const std::string& key, const std::string& id) {
    HttpAnswer answer;
    router.handle(HttpRequest{"POST", kBase + "/plug", kPlugBody, key, id}, [&](HttpAnswer given) { answer = std::move(given); });
    return answer;
  };
  expect(200, send("one", ""));
  expect(200, send("", "one"));
  expect(200, send("one", "one"));
  ASSERT_EQ(backend.request_ids.size(), 3U);
  EXPECT_EQ(backend.request_ids[0], backend.request_ids[1]);
  EXPECT_EQ(backend.request_ids[0], backend.request_ids[2]);
  EXPECT_THAT(refusal(400, send("one", "two")), HasSubstr("X-Request-Id"));
}

TEST_F(RouterTest, FilesAreTakenAsTheyAreAndAnswered202) {  // P2, P10
  backend.store_outcome.note = "a note";
  for (const std::string path : {"/1.0/certificate", "/1.0/config"}) {
    const auto answer = expect(202, call("PUT", path, "bytes of " + path));
    EXPECT_EQ(answer.at("message"), "OK");
    EXPECT_EQ(answer.at("changed"), true);
    EXPECT_EQ(answer.at("durability"), "pair");
    EXPECT_EQ(answer.at("held_by").as_array().size(), 2U);
    EXPECT_EQ(answer.at("note"), "a note");
    EXPECT_EQ(backend.stored.back(), "bytes of " + path);
  }
  backend.store_outcome.held_by.pop_back();
  EXPECT_EQ(expect(202, call("PUT", "/1.0/config", "x")).at("durability"), "local");
  backend.store_refusal = ApiError{ErrorCode::invalid_certificate, "body", "wanted a key, found none", {}};
  EXPECT_THAT(refusal(400, call("PUT", "/1.0/certificate", "x")), HasSubstr("wanted a key, found none"));
  backend.access.allowed = false;
  const auto stored = backend.stored.size();
  refusal(503, call("PUT", "/1.0/certificate", "x"));
  EXPECT_EQ(backend.stored.size(), stored);
}

TEST_F(RouterTest, DetailsHaveTheShapeOfAnAmphoras) {  // P9: the keys of Octavia's amphora_info.py
  backend.node_view.machine.networks = {{"eth0", 11, 22}};
  backend.node_view.machine.memory_total_kib = 4096;
  backend.node_view.certificate = CertificateView{"CN=x", "01", "2026-11-27T05:35:18Z", 60, true};
  const auto details = get("/1.0/details");
  for (const auto* key : {"hostname", "haproxy_version", "api_version", "networks", "active", "haproxy_count", "cpu", "memory", "disk", "load", "topology",
                          "topology_status", "listeners", "packages"}) {
    EXPECT_TRUE(details.contains(key)) << key;
  }
  EXPECT_EQ(details.at("networks").as_object().at("eth0").as_object().at("network_rx"), 11);
  EXPECT_EQ(details.at("memory").as_object().at("total"), 4096);
  EXPECT_EQ(get("/1.0/info").at("certificate").as_object().at("not_after"), "2026-11-27T05:35:18Z");
}

TEST_F(RouterTest, NoRandomnessNoPlug) {  // A6
  Router dry(backend, [] { return std::optional<std::uint64_t>{}; });
  HttpAnswer answer;
  dry.handle(HttpRequest{"POST", kBase + "/plug", kPlugBody, {}, {}}, [&](HttpAnswer given) { answer = std::move(given); });
  EXPECT_THAT(refusal(500, answer), HasSubstr("hash_seed"));
  EXPECT_EQ(backend.state.size(), 0U);
  EXPECT_NE(draw_hash_seed(), draw_hash_seed());
}

TEST_F(RouterTest, SwitchoverSaysHowFarItCame) {  // H7
  backend.switchover_answer = SwitchoverView{true, "", parsed<NodeId>("node-b"), 1.5, 2.5, 250.0};
  const auto done = expect(200, call("POST", "/1.0/pair/switchover"));
  EXPECT_TRUE(done.at("completed").as_bool());
  EXPECT_EQ(done.at("to").as_string(), "node-b");
  EXPECT_EQ(done.at("moved_ms").as_double(), 250.0);
  backend.switchover_answer->completed = false;
  expect(202, call("POST", "/1.0/pair/switchover", "{}"));
  backend.switchover_answer = tl::unexpected(ApiError{ErrorCode::switchover_refused, "", "node-b is away", ""});
  EXPECT_THAT(refusal(409, call("POST", "/1.0/pair/switchover")), HasSubstr("node-b is away"));
  EXPECT_THAT(refusal(400, call("POST", "/1.0/pair/switchover", R"({"to":"node-b"})")), HasSubstr("to"));
}

TEST_F(RouterTest, PairSaysWhatMovedLast) {  // H7
  auto pair = get("/1.0/pair");
  EXPECT_TRUE(pair.at("last_takeover").is_null() && pair.at("last_switchover").is_null());
  EXPECT_FALSE(pair.at("maintenance").as_bool());
  TakeoverView takeover;
  takeover.number = 3;
  takeover.announcements = 2000;
  takeover.gate_ms = 0.5;
  backend.pair_view.last_takeover = takeover;
  pair = get("/1.0/pair");
  EXPECT_EQ(pair.at("last_takeover").as_object().at("announcements").to_number<int>(), 2000);
  EXPECT_EQ(pair.at("last_takeover").as_object().at("gate_ms").as_double(), 0.5);
  EXPECT_TRUE(pair.at("last_takeover").as_object().at("writes_ms").is_null()) << "it did not come to that";
}

}  // namespace
}  // namespace distributor::api
