// Which hash the running Open vSwitch chooses with: from its own trace, and against a real one.
#include "openflow/fingerprint/fingerprint.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "openflow/fingerprint/unixctl.hpp"
#include "openflow/pipeline/pipeline.hpp"
#include "tests/unit/ovsdb/private_ovs.hpp"
#include "tests/unit/pipeline/bridge_connection.hpp"

namespace distributor::fingerprint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// As Open vSwitch 3.1 prints it.
std::string trace_with(const std::vector<std::uint32_t>& scores) {
  std::string text = "Flow: ip,in_port=CONTROLLER\n\nbridge(\"b\")\n-------------\n    group:8\n";
  for (std::size_t i = 0; i < scores.size(); ++i) {
    text += "     -> bucket " + std::to_string(i + 1) + ": score " + std::to_string(scores[i]) + "\n";
  }
  return text + "     -> using bucket 4\n";
}

TEST(Fingerprint, ScoresAreReadFromATrace) {
  EXPECT_THAT(scores_in(trace_with({31287, 42144, 45093, 60722})), ElementsAre(31287U, 42144U, 45093U, 60722U));
  EXPECT_THAT(scores_in(""), IsEmpty());
  EXPECT_THAT(scores_in("-> bucket 1: score x\n: score 99999999999999\n"), IsEmpty());
}

TEST(Fingerprint, AnUnknownHashIsNamedByWhatItChooses) {
  const std::vector<std::string> traces(questions().size(), trace_with({1, 2, 3, 65535}));
  const auto found = judge(traces);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->variant);
  EXPECT_THAT(found->text, HasSubstr("unknown-000100020003ffff"));
  EXPECT_FALSE(judge({"nothing"}));
  EXPECT_LE(found->text.size(), 256U) << "the peer takes no longer one";
}

class InOvs : public testing::Test {
 protected:
  tl::expected<Fingerprint, std::string> taken(const std::filesystem::path& run_dir) {
    std::optional<tl::expected<Fingerprint, std::string>> result;
    boost::asio::io_context io;
    take(io, run_dir, "b", pipeline::kFingerprintGroup, [&](auto found) { result = std::move(found); });
    io.run();
    return result.value();
  }
};

TEST_F(InOvs, DebiansOpenVswitchHashesWithMurmur3) {  // DESIGN: the guarantee
  const std::string missing = test::PrivateOvs::missing();
  if (!missing.empty()) GTEST_SKIP() << missing;
  test::PrivateOvs ovs;
  ovs.vsctl({"add-br", "b", "--", "set", "bridge", "b", "datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow15"});
  test::BridgeConnection(ovs.management_socket("b")).program(pipeline::render_base(false));
  // Where Open vSwitch's own scripts would have put them.
  std::string pid;
  std::ifstream(ovs.directory() + "/vswitchd.pid") >> pid;
  std::ofstream(ovs.directory() + "/ovs-vswitchd.pid") << pid << "\n";
  std::filesystem::create_symlink(ovs.directory() + "/vswitchd.ctl", ovs.directory() + "/ovs-vswitchd." + pid + ".ctl");
  const auto found = taken(ovs.directory());
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->text, "murmur3");
  EXPECT_EQ(found->variant, placement::HashVariant::murmur3);
  ovs.stop_vswitchd();
  const auto gone = taken(ovs.directory());
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error(), HasSubstr("cannot connect"));
}

TEST_F(InOvs, WithoutAPidFileItSaysWhatIsMissing) {
  const auto found = taken("/nonexistent");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error(), HasSubstr("/nonexistent/ovs-vswitchd.pid"));
}

}  // namespace
}  // namespace distributor::fingerprint
