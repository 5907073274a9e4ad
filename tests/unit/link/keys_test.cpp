#include "sync/link/keys.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/scratch_folder.hpp"

namespace distributor::link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class KeyFiles : public testing::Test {  // X2
 protected:
  std::filesystem::path file(const std::string& text, mode_t mode) {
    const auto path = directory_ / ("f" + std::to_string(count_++));
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  const test::ScratchFolder directory_;
  int count_ = 0;
};

std::string text_of(const KeyPair& pair) {
  return "public: " + pair.public_key + "\nsecret: " + pair.secret_key + "\n";
}

TEST_F(KeyFiles, WrittenPairIsReadBackAndItsPublicHalfServesThePeer) {
  const KeyPair pair = generate_key_pair();
  const auto path = directory_ / "sync.key";
  ASSERT_TRUE(write_key_pair(path, pair));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  const auto read = read_key_pair(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->public_key, pair.public_key);
  EXPECT_EQ(read->secret_key, pair.secret_key);
  const auto peer = read_peer_public_keys(directory_ / "sync.key.pub");
  ASSERT_TRUE(peer) << peer.error().message;
  EXPECT_THAT(*peer, ElementsAre(pair.public_key));
  EXPECT_EQ(write_key_pair(path, pair).error().code, KeyErrorCode::unwritable) << "never overwritten";
}

TEST_F(KeyFiles, WiderPermissionsAreRefused) {
  const std::string text = text_of(generate_key_pair());
  for (const mode_t mode : {0640, 0604, 0660, 0644, 0610}) {
    const auto read = read_key_pair(file(text, mode));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, KeyErrorCode::permissions_wide);
    EXPECT_THAT(read.error().message, HasSubstr("wanted mode 0600"));
  }
  EXPECT_TRUE(read_key_pair(file(text, 0400)));
  const std::string peer = "public: " + generate_key_pair().public_key + "\n";
  EXPECT_TRUE(read_peer_public_keys(file(peer, 0644)));
  EXPECT_EQ(read_peer_public_keys(file(peer, 0664)).error().code, KeyErrorCode::permissions_wide);
}

TEST_F(KeyFiles, TheManualsKeysAreRefused) {
  const KeyPair manual{"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"};
  EXPECT_EQ(read_key_pair(file(text_of(manual), 0600)).error().code, KeyErrorCode::published_key);
  const KeyPair manual_server{"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"};
  EXPECT_EQ(read_key_pair(file(text_of(manual_server), 0600)).error().code, KeyErrorCode::published_key);
  EXPECT_EQ(read_peer_public_keys(file("public: " + manual.public_key + "\n", 0600)).error().code,
            KeyErrorCode::published_key);
}

TEST_F(KeyFiles, GarbageIsRefusedWithItsLine) {  // X3
  const KeyPair pair = generate_key_pair(), other = generate_key_pair();
  EXPECT_EQ(
      read_key_pair(file("public: " + pair.public_key + "\nsecret: " + other.secret_key + "\n", 0600)).error().code,
      KeyErrorCode::mismatch);
  const auto garbled = read_key_pair(file("# ours\nwhatever\n", 0600));
  EXPECT_EQ(garbled.error().code, KeyErrorCode::malformed);
  EXPECT_THAT(garbled.error().message, HasSubstr("line 2"));
  EXPECT_EQ(read_key_pair(file("public: " + pair.public_key + "\n", 0600)).error().code, KeyErrorCode::malformed);
  EXPECT_EQ(read_key_pair(file("", 0600)).error().code, KeyErrorCode::malformed);
  EXPECT_EQ(read_key_pair(file(std::string(5000, 'x'), 0600)).error().code, KeyErrorCode::unreadable);
  EXPECT_EQ(read_key_pair(directory_.path()).error().code, KeyErrorCode::unreadable);
  EXPECT_EQ(read_key_pair(directory_ / "absent").error().code, KeyErrorCode::unreadable);
  EXPECT_EQ(read_key_pair(file("public: " + std::string(40, '\0') + "\n", 0600)).error().code, KeyErrorCode::malformed);
}

TEST_F(KeyFiles, PeerFileHoldsOneOrTwoPublicKeysAndNoSecret) {
  const KeyPair one = generate_key_pair(), two = generate_key_pair(), three = generate_key_pair();
  const std::string lines = "public: " + one.public_key + "\npublic: " + two.public_key + "\n";
  EXPECT_THAT(read_peer_public_keys(file(lines, 0644)).value(), ElementsAre(one.public_key, two.public_key));
  EXPECT_FALSE(read_peer_public_keys(file(lines + "public: " + three.public_key + "\n", 0644)));
  const auto secret = read_peer_public_keys(file(text_of(one), 0600));
  ASSERT_FALSE(secret);
  EXPECT_THAT(secret.error().message, HasSubstr("stays on the peer"));
}

}  // namespace
}  // namespace distributor::link
