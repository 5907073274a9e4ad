// Bytes to JSON texts to rows, and garbage in each (X3). Pure parts of the OVSDB client.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <string>

#include "openflow/ovsdb/detail/json_framer.hpp"
#include "openflow/ovsdb/detail/notation.hpp"
#include "openflow/ovsdb/detail/transactions.hpp"
#include "openflow/ovsdb/detail/view.hpp"

namespace distributor::ovsdb::detail {
namespace {

// clang-format off
constexpr std::string_view kRows = R"rows({
  "Open_vSwitch": {"s1": {"new": {"next_cfg": 7, "cur_cfg": 6, "ovs_version": "3.1.0"}}},
  "Bridge": {"b1": {"new": {"name": "br", "ports": ["set", [["uuid","p1"],["uuid","p2"]]], "controller": ["set",[]],
     "datapath_type": "netdev", "datapath_id": "0000aabbccddeeff", "fail_mode": "secure", "protocols": "OpenFlow15",
     "other_config": ["map",[["disable-in-band","true"]]]}}},
  "Port": {"p1": {"new": {"name": "br", "interfaces": ["uuid","i1"], "external_ids": ["map",[]]}},
           "p2": {"new": {"name": "eth1", "interfaces": ["uuid","i2"], "external_ids": ["map",[["distributor-lb","x"]]]}}},
  "Interface": {"i1": {"new": {"name": "br", "type": "internal", "ofport": 65534, "ofport_request": ["set",[]],
     "mtu_request": ["set",[]], "error": ["set",[]], "mac": ["set",[]], "mac_in_use": "02:00:00:00:00:01",
     "link_state": "up", "options": ["map",[]]}},
                "i2": {"new": {"name": "eth1", "type": "", "ofport": -1, "ofport_request": 4, "mtu_request": ["set",[]],
     "error": "could not open network device eth1 (No such device)", "mac": ["set",[]], "mac_in_use": ["set",[]],
     "link_state": ["set",[]], "options": ["map",[]]}}}
})rows";
// clang-format on

View example() {
  View view;
  const auto applied = view.apply(boost::json::parse(kRows));
  EXPECT_TRUE(applied) << (applied ? "" : applied.error());
  return view;
}

TEST(OvsdbFramer, SeveralTextsPerReadAndTextsInPieces) {
  const std::string stream = R"({"id":1} [2,"}"]  {"s":"a\"{"})";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    JsonFramer framer(1000);
    std::string seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const auto texts = framer.push(std::string_view(stream).substr(at, piece));
      ASSERT_TRUE(texts) << texts.error();
      for (const auto& text : *texts) seen += boost::json::serialize(text) + "\n";
    }
    ASSERT_EQ(seen, "{\"id\":1}\n[2,\"}\"]\n{\"s\":\"a\\\"{\"}\n") << "pieces of " << piece;
  }
}

TEST(OvsdbFramer, ATextThatIsTooLongIsAnErrorBeforeItIsComplete) {  // X3
  JsonFramer framer(64);
  ASSERT_TRUE(framer.push("[\"" + std::string(40, 'x')));
  const auto result = framer.push(std::string(40, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), "a JSON text is longer than 64 bytes");
}

TEST(OvsdbFramer, NoiseAndDeepNestingAreErrors) {  // X3
  for (const std::string& bytes : {std::string("hello"), std::string("12"), std::string("{]"), std::string(10'000, '['),
                                   std::string("\0\0", 2), std::string("{\"a\":\xff\xfe}")}) {
    JsonFramer framer(1'000'000);
    EXPECT_FALSE(framer.push(bytes)) << bytes.substr(0, 20);
  }
}

TEST(OvsdbView, ShowsBridgesAndPorts) {
  const View view = example();
  ASSERT_NE(view.bridge("br"), nullptr);
  EXPECT_EQ(view.bridge("br")->row.protocols, (std::vector<std::string>{"OpenFlow15"}));
  EXPECT_EQ(view.bridge("br")->row.fail_mode, "secure");
  EXPECT_EQ(view.rows_of_bridge("br").size(), 2U);
  const auto port = view.row_of_port("eth1");
  ASSERT_TRUE(port);
  EXPECT_EQ(port->ofport, -1);
  EXPECT_EQ(port->ofport_request, 4);
  EXPECT_EQ(port->error, "could not open network device eth1 (No such device)");
  EXPECT_EQ(port->external_ids, (StringMap{{"distributor-lb", "x"}}));
}

TEST(OvsdbView, ADeletedRowIsGone) {
  View view = example();
  ASSERT_TRUE(view.apply(boost::json::parse(R"({"Port":{"p2":{"old":{}}},"Interface":{"i2":{"old":{}}}})")));
  EXPECT_FALSE(view.row_of_port("eth1"));
  EXPECT_EQ(view.rows_of_bridge("br").size(), 1U);
}

TEST(OvsdbView, ColumnsOfAnotherShapeAreAnError) {  // X3
  for (const char* text : {"[]", "1", R"({"Port":[]})", R"({"Port":{"p":1}})", R"({"Port":{"p":{"new":3}}})",
                           R"({"Port":{"p":{"new":{"name":7}}}})", R"({"Interface":{"i":{"new":{"ofport":"x"}}}})",
                           R"({"Bridge":{"b":{"new":{"ports":["set",[1]]}}}})",
                           R"({"Bridge":{"b":{"new":{"other_config":["map",[["a"]]]}}}})"}) {
    View view;
    EXPECT_FALSE(view.apply(boost::json::parse(text))) << text;
  }
}

TEST(OvsdbTransactions, NothingToWriteWhenItStandsAlready) {
  const View view = example();
  EXPECT_TRUE(ensure_bridge(view, {"br", "netdev", {}}).empty());
  PortSpec spec{.bridge = "br", .name = "eth1", .external_ids = {{"distributor-lb", "x"}}};
  EXPECT_TRUE(attach(view, spec, 4, false).empty());
  EXPECT_FALSE(attach(view, spec, 4, true).empty());  // so that vswitchd tries to open it again
  EXPECT_TRUE(detach(view, "absent").empty());
}

TEST(OvsdbTransactions, OnlyWhatDiffersIsWritten) {
  const View view = example();
  const std::string text = boost::json::serialize(ensure_bridge(view, {"br", "system", {}}));
  EXPECT_NE(text.find(R"("row":{"datapath_type":"system"})"), std::string::npos) << text;
  EXPECT_EQ(text.find("fail_mode"), std::string::npos) << text;
}

TEST(OvsdbTransactions, TheLowestFreeNumberIsChosen) {
  const View view = example();
  EXPECT_EQ(free_ofport(view, "br", {}), 1);
  EXPECT_EQ(free_ofport(view, "br", {{"a", std::uint16_t{1}}, {"b", std::uint16_t{2}}, {"c", std::uint16_t{3}}}), 5);
}

// Bytes flipped, cut, repeated: either an error or a view that can be asked; never anything else.
TEST(OvsdbMutation, FramerAndViewSurviveMutatedBytes) {  // X3
  std::mt19937 random(7);
  const std::string original = std::string(kRows) + R"({"id":3,"result":[{},{"rows":[{"next_cfg":8}]}],"error":null})";
  std::size_t accepted = 0;
  for (int round = 0; round < 4'000; ++round) {
    std::string bytes = original;
    for (unsigned i = 0; i <= random() % 4; ++i) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, random() % 40);
          break;
        case 2:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40));
          break;
        default:
          bytes[at] = "{}[],:\"0-"[random() % 9];
          break;
      }
    }
    JsonFramer framer(1U << 20U);
    const auto texts = framer.push(bytes);
    if (!texts) continue;
    for (const auto& text : *texts) {
      View view;
      if (view.apply(text)) ++accepted;
      for (const auto& row : view.rows_of_bridge("br")) EXPECT_EQ(row.bridge, "br");
      if (view.bridge("br") != nullptr) (void)ensure_bridge(view, {"br", "netdev", {}});
      (void)view.row_of_port("eth1");
      (void)read_reply(text);
    }
  }
  EXPECT_GT(accepted, 100U);  // else the mutations reach nothing
}

}  // namespace
}  // namespace distributor::ovsdb::detail
