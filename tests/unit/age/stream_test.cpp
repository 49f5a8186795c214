#include "round_trip.hpp"

#include <gmock/gmock.h>

#include <set>

namespace lifeboat::age {
namespace {

using testing::HasSubstr;

class AgeStreamOfSize : public testing::TestWithParam<std::size_t> {};

TEST_P(AgeStreamOfSize, ComesBackWhole) {
    const Identity identity = new_identity();
    const std::string plaintext = sample(GetParam());
    const Opened opened = decrypt({identity}, encrypt({identity.recipient()}, plaintext));
    ASSERT_TRUE(opened.status.ok()) << opened.status.error().what;
    EXPECT_TRUE(opened.plaintext == plaintext);
    EXPECT_EQ(opened.finishes, 1);
}

TEST_P(AgeStreamOfSize, IsAsLongAsTheFormatSays) {
    const Identity identity = new_identity();
    const std::string file = encrypt({identity.recipient()}, sample(GetParam()));
    const std::size_t chunks = std::max<std::size_t>(1, (GetParam() + chunk - 1) / chunk);
    EXPECT_EQ(file.size(), header_size(file) + nonce + GetParam() + chunks * tag);
}

TEST_P(AgeStreamOfSize, DoesNotDependOnTheSizeOfThePieces) {
    const Identity identity = new_identity();
    const std::string plaintext = sample(GetParam());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{4093}, chunk - 1, chunk, chunk + 1, chunk + tag}) {
        const Opened opened = decrypt({identity}, encrypt({identity.recipient()}, plaintext, piece), piece);
        ASSERT_TRUE(opened.status.ok()) << "pieces of " << piece << ": " << opened.status.error().what;
        EXPECT_TRUE(opened.plaintext == plaintext) << "pieces of " << piece;
    }
}

INSTANTIATE_TEST_SUITE_P(ChunkBoundaries, AgeStreamOfSize,
                         testing::Values(0, 1, 15, 16, 17, chunk - 1, chunk, chunk + 1, chunk + tag, 2 * chunk - 1,
                                         2 * chunk, 2 * chunk + 1, 5 * chunk, 5 * chunk + 4711));

TEST(AgeStream, CountsChunksBeyondOneByteOfTheCounter) {
    const Identity identity = new_identity();
    const std::string plaintext = sample(258 * chunk + 1);
    const Opened opened = decrypt({identity}, encrypt({identity.recipient()}, plaintext), 1U << 20U);
    ASSERT_TRUE(opened.status.ok()) << opened.status.error().what;
    EXPECT_TRUE(opened.plaintext == plaintext);
}

TEST(AgeStream, OpensWithEachOfItsRecipients) {
    std::vector<Identity> identities;
    std::vector<Recipient> recipients;
    for (int i = 0; i < 5; ++i) {
        identities.push_back(new_identity());
        recipients.push_back(identities.back().recipient());
    }
    const std::string file = encrypt(recipients, "for five readers");
    for (const Identity& identity : identities) {
        EXPECT_EQ(decrypt({identity}, file).plaintext, "for five readers");
    }
}

TEST(AgeStream, FindsTheIdentityThatFitsAmongOthers) {
    const Identity fitting = new_identity();
    const std::string file = encrypt({new_identity().recipient(), fitting.recipient()}, "text");
    EXPECT_EQ(decrypt({new_identity(), new_identity(), fitting}, file).plaintext, "text");
}

TEST(AgeStream, DrawsAFreshShareForEachRecipientAndFile) {
    const Recipient recipient = new_identity().recipient();
    std::set<std::string> shares;
    for (int i = 0; i < 2; ++i) {
        const std::string file = encrypt({recipient, recipient}, "text");
        for (std::size_t at = file.find("-> X25519 "); at != std::string::npos; at = file.find("-> X25519 ", at + 1)) {
            shares.insert(file.substr(at + 10, 43));
        }
    }
    EXPECT_EQ(shares.size(), 4U);
}

TEST(AgeStream, NeverGivesTheSamePlaintextTheSameBytes) {
    const Recipient recipient = new_identity().recipient();
    const std::string a = encrypt({recipient}, sample(1000));
    const std::string b = encrypt({recipient}, sample(1000));
    EXPECT_NE(a.substr(header_size(a)), b.substr(header_size(b)));
}

TEST(AgeStream, RefusesToEncryptToNobody) {
    Collector file;
    const auto stage = encryptor({}, file);
    ASSERT_FALSE(stage.ok());
    EXPECT_EQ(stage.error().kind, ErrorKind::usage);
    EXPECT_TRUE(file.text.empty());
}

TEST(AgeStream, RefusesARecipientOfLowOrder) {
    // The all-zero point, with a checksum that fits.
    const auto recipient = Recipient::parse("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z");
    ASSERT_TRUE(recipient.ok()) << recipient.error().what;
    Collector file;
    const auto stage = encryptor({new_identity().recipient(), *recipient}, file);
    ASSERT_FALSE(stage.ok());
    EXPECT_EQ(stage.error().kind, ErrorKind::usage);
    EXPECT_THAT(stage.error().what, HasSubstr("low order"));
}

TEST(AgeStream, SendsNothingBeforeTheFirstWrite) {
    Collector file;
    const auto stage = encryptor({new_identity().recipient()}, file);
    ASSERT_TRUE(stage.ok());
    EXPECT_TRUE(file.text.empty());
}

TEST(AgeStream, PassesOnOneChunkAtATime) {
    const Identity identity = new_identity();
    Collector file;
    const auto encrypting = encryptor({identity.recipient()}, file);
    ASSERT_TRUE(encrypting.ok());
    ASSERT_TRUE(feed(**encrypting, sample(10 * chunk), at_once).ok());
    EXPECT_EQ(file.largest, chunk + tag);

    Collector plaintext;
    const auto decrypting = decryptor({identity}, plaintext);
    ASSERT_TRUE(feed(*decrypting, file.text, at_once).ok());
    EXPECT_EQ(plaintext.largest, chunk);
}

// Fails at the n-th write, as a full disk does.
class FullDisk final : public stream::Sink {
public:
    explicit FullDisk(int writes) : writes_left_(writes) {}
    Status write(stream::Bytes /*chunk*/) override {
        ++calls;
        return writes_left_-- > 0 ? done() : Status(failed("disk is full"));
    }
    Status finish() override {
        finished = true;
        return done();
    }
    int calls = 0;
    bool finished = false;

private:
    int writes_left_;
};

TEST(AgeStream, EncryptorHandsOnTheErrorOfTheNextStageAndStaysBroken) {
    FullDisk disk(2);
    const auto stage = encryptor({new_identity().recipient()}, disk);
    ASSERT_TRUE(stage.ok());
    const std::string plaintext = sample(5 * chunk);
    const Status written = (*stage)->write(stream::as_bytes(plaintext));
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().what, "disk is full");
    const int calls = disk.calls;
    EXPECT_FALSE((*stage)->write(stream::as_bytes(plaintext)).ok());
    EXPECT_FALSE((*stage)->finish().ok());
    EXPECT_EQ(disk.calls, calls);
    EXPECT_FALSE(disk.finished);
}

TEST(AgeStream, DecryptorHandsOnTheErrorOfTheNextStageAndStaysBroken) {
    const Identity identity = new_identity();
    const std::string file = encrypt({identity.recipient()}, sample(5 * chunk));
    FullDisk disk(1);
    const auto stage = decryptor({identity}, disk);
    const Status written = stage->write(stream::as_bytes(file));
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().what, "disk is full");
    EXPECT_FALSE(stage->finish().ok());
    EXPECT_EQ(disk.calls, 2);
    EXPECT_FALSE(disk.finished);
}

TEST(AgeStream, IsOfNoUseAfterItsEnd) {
    const Identity identity = new_identity();
    Collector file;
    const auto stage = encryptor({identity.recipient()}, file);
    ASSERT_TRUE(feed(**stage, "text", at_once).ok());
    EXPECT_FALSE((*stage)->write(stream::as_bytes("more")).ok());
    EXPECT_FALSE((*stage)->finish().ok());
    EXPECT_EQ(decrypt({identity}, file.text).plaintext, "text");
}

TEST(AgeStream, TellsWhoseFileItIsWhenNoIdentityFits) {
    const std::string file = encrypt({new_identity().recipient(), new_identity().recipient()}, "text");
    const Opened opened = decrypt({new_identity(), new_identity(), new_identity()}, file);
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::usage);
    EXPECT_THAT(opened.status.error().what, HasSubstr("none of the 3 identities"));
    EXPECT_THAT(opened.status.error().what, HasSubstr("2 X25519"));
    EXPECT_FALSE(opened.status.error().next.empty());
    EXPECT_TRUE(opened.plaintext.empty());
}

TEST(AgeStream, CannotBeOpenedWithoutAnyIdentity) {
    const Opened opened = decrypt({}, encrypt({new_identity().recipient()}, "text"));
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace lifeboat::age
