// Every way in which a stored file can be other than what was written: each is one clear error, and nothing
// of a chunk that is not authentic goes on.
#include "round_trip.hpp"

#include <gmock/gmock.h>

namespace lifeboat::age {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AgeDamage : public testing::Test {
protected:
    static constexpr std::size_t sealed = chunk + tag;

    // Three full chunks and a short one.
    Identity identity_ = new_identity();
    std::string plaintext_ = sample(3 * chunk + 1000);
    std::string file_ = encrypt({identity_.recipient()}, plaintext_);
    std::size_t payload_ = header_size(file_) + nonce;

    // Opens it in one piece and in small ones, which take different paths through the chunk buffer.
    Error open_damaged(const std::string& file, std::size_t good_chunks) {
        const Opened whole = decrypt({identity_}, file);
        const Opened pieces = decrypt({identity_}, file, 4093);
        EXPECT_FALSE(whole.status.ok());
        EXPECT_FALSE(pieces.status.ok());
        if (whole.status.ok() || pieces.status.ok()) {
            return {};
        }
        EXPECT_EQ(whole.status.error().what, pieces.status.error().what);
        EXPECT_EQ(whole.status.error().kind, ErrorKind::corrupt);
        EXPECT_FALSE(whole.status.error().next.empty());
        const std::string_view good = std::string_view(plaintext_).substr(0, good_chunks * chunk);
        EXPECT_TRUE(whole.plaintext == good) << whole.plaintext.size() << " bytes were passed on";
        EXPECT_TRUE(pieces.plaintext == good) << pieces.plaintext.size() << " bytes were passed on";
        EXPECT_EQ(whole.finishes + pieces.finishes, 0);
        return whole.status.error();
    }

    std::string flipped_at(std::size_t at) const {
        std::string file = file_;
        file[at] = static_cast<char>(file[at] ^ 1);
        return file;
    }

    std::string chunk_at(std::size_t index) const { return file_.substr(payload_ + index * sealed, sealed); }

    std::string with_header_line(const std::string& from, const std::string& to) const {
        std::string file = file_;
        return file.replace(file.find(from), from.size(), to);
    }
};

TEST_F(AgeDamage, OfOneBitInAChunkNamesTheChunkAndItsPlaceAndStopsThere) {
    const Error error = open_damaged(flipped_at(payload_ + 2 * sealed + 5), 2);
    EXPECT_THAT(error.what, StartsWith("age payload, chunk 3 at byte " + std::to_string(payload_ + 2 * sealed) + ":"));
}

TEST_F(AgeDamage, OfTheFirstChunkPassesNothingOn) {
    open_damaged(flipped_at(payload_), 0);
}

TEST_F(AgeDamage, OfATagIsFound) {
    open_damaged(flipped_at(payload_ + sealed - 1), 0);
}

TEST_F(AgeDamage, OfTheLastChunkIsFound) {
    EXPECT_THAT(open_damaged(flipped_at(file_.size() - 1), 3).what, HasSubstr("chunk 4"));
}

TEST_F(AgeDamage, OfThePayloadNonceIsFound) {
    open_damaged(flipped_at(payload_ - 1), 0);
}

TEST_F(AgeDamage, ByCuttingOffTheLastChunkSaysThatTheEndIsMissing) {
    const Error error = open_damaged(file_.substr(0, payload_ + 3 * sealed), 3);
    EXPECT_THAT(error.what, HasSubstr("the end of the file is missing"));
}

TEST_F(AgeDamage, ByCuttingInsideAChunkIsFound) {
    open_damaged(file_.substr(0, payload_ + sealed + 1000), 1);
}

TEST_F(AgeDamage, ByCuttingInsideATagIsFound) {
    EXPECT_THAT(open_damaged(file_.substr(0, payload_ + sealed + 7), 1).what, HasSubstr("cut short: 7 bytes"));
}

TEST_F(AgeDamage, ByCuttingOffTheWholePayloadIsFound) {
    EXPECT_THAT(open_damaged(file_.substr(0, payload_), 0).what, HasSubstr("is missing"));
}

TEST_F(AgeDamage, ByCuttingAnywhereInTheHeaderSaysWhereTheFileEnds) {
    for (std::size_t size = 1; size < payload_; ++size) {
        const Error error = open_damaged(file_.substr(0, size), 0);
        EXPECT_THAT(error.what, StartsWith("age header"));
        EXPECT_THAT(error.what, HasSubstr("byte " + std::to_string(size)));
    }
}

TEST_F(AgeDamage, ByCuttingOffEverythingSaysThatTheFileIsEmpty) {
    EXPECT_THAT(open_damaged("", 0).what, HasSubstr("the file is empty"));
}

TEST_F(AgeDamage, BySwappingTwoChunksIsFound) {
    std::string file = file_;
    file.replace(payload_, sealed, chunk_at(1)).replace(payload_ + sealed, sealed, chunk_at(0));
    open_damaged(file, 0);
}

TEST_F(AgeDamage, ByRepeatingAChunkIsFound) {
    std::string file = file_;
    open_damaged(file.insert(payload_ + sealed, chunk_at(0)), 1);
}

TEST_F(AgeDamage, ByLeavingOutAChunkIsFound) {
    std::string file = file_;
    open_damaged(file.erase(payload_ + sealed, sealed), 1);
}

TEST_F(AgeDamage, ByBytesAfterTheLastChunkIsFound) {
    open_damaged(file_ + "x", 3);
}

TEST_F(AgeDamage, ByBytesAfterAFullLastChunkSaysSo) {
    plaintext_ = sample(2 * chunk);
    file_ = encrypt({identity_.recipient()}, plaintext_);
    const Error error = open_damaged(file_ + "x", 2);
    EXPECT_THAT(error.what, HasSubstr("chunk 2"));
    EXPECT_THAT(error.what, HasSubstr("more bytes follow"));
}

TEST_F(AgeDamage, ByAnotherAgeFileBehindItIsFound) {
    open_damaged(file_ + file_, 3);
}

TEST_F(AgeDamage, OfAnyBitOfTheHeaderLeavesItClosed) {
    for (std::size_t at = 0; at < payload_ - nonce; ++at) {
        const Opened opened = decrypt({identity_}, flipped_at(at));
        // A changed share or key still has the right form, but is for nobody.
        EXPECT_FALSE(opened.status.ok()) << "byte " << at;
        EXPECT_TRUE(opened.plaintext.empty()) << "byte " << at;
    }
}

TEST_F(AgeDamage, OfTheMacIsToldFromOtherFaults) {
    const std::size_t mac = file_.find("\n--- ") + 5;
    std::string file = file_;
    file[mac] = file[mac] == 'A' ? 'B' : 'A';
    EXPECT_THAT(open_damaged(file, 0).what, HasSubstr("MAC does not match"));
}

TEST_F(AgeDamage, ByAnAddedRecipientBreaksTheMac) {
    const std::string file = with_header_line("\n--- ", "\n-> example.com/spy abc\nAAAA\n--- ");
    EXPECT_THAT(open_damaged(file, 0).what, HasSubstr("MAC does not match"));
}

TEST_F(AgeDamage, ByAnUnknownFormatVersionNamesIt) {
    EXPECT_THAT(open_damaged(with_header_line("/v1\n", "/v2\n"), 0).what, HasSubstr("'v2'"));
}

TEST_F(AgeDamage, ByLineEndsOfAnotherSystemIsFound) {
    EXPECT_THAT(open_damaged(with_header_line("/v1\n", "/v1\r\n"), 0).what, StartsWith("age header, line 1"));
}

TEST_F(AgeDamage, NamesTheLineOfTheHeader) {
    const std::string file = with_header_line("\n--- ", "\n=> what\n--- ");
    EXPECT_THAT(open_damaged(file, 0).what, StartsWith("age header, line 4"));
}

TEST_F(AgeDamage, ByAHeaderWithoutRecipientsIsFound) {
    const std::string file = "age-encryption.org/v1\n--- " + std::string(43, 'A') + "\n" + std::string(100, 'x');
    EXPECT_THAT(open_damaged(file, 0).what, HasSubstr("names no recipient"));
}

TEST(AgeDecryptor, RefusesAHeaderThatNeverEnds) {
    Collector plaintext;
    const auto stage = decryptor({new_identity()}, plaintext);
    ASSERT_TRUE(stage->write(stream::as_bytes("age-encryption.org/v1\n")).ok());
    const std::string line = "-> x y\nAAAA\n";
    std::size_t taken = 0;
    while (taken < (4U << 20U) && stage->write(stream::as_bytes(line)).ok()) {
        taken += line.size();
    }
    EXPECT_LT(taken, 1U << 20U);
    EXPECT_THAT(stage->finish().error().what, HasSubstr("longer than 1 MiB"));
}

TEST(AgeDecryptor, RefusesALineThatNeverEnds) {
    const Opened opened = decrypt({new_identity()}, "age-encryption.org/v1\n-> " + std::string(2U << 20U, 'x'));
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::corrupt);
}

TEST(AgeDecryptor, SeesThatSomethingIsNoAgeFile) {
    Collector plaintext;
    const auto stage = decryptor({new_identity()}, plaintext);
    const std::string zeros(2U << 20U, '\0');
    const Status written = stage->write(stream::as_bytes(zeros));
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(written.error().what, HasSubstr("not an age file"));
}

TEST(AgeDecryptor, DoesNotWaitForALineEndToSeeThatSomethingIsNoAgeFile) {
    Collector plaintext;
    const auto stage = decryptor({new_identity()}, plaintext);
    std::size_t taken = 0;
    while (taken < 4096 && stage->write(stream::as_bytes("x")).ok()) {
        ++taken;
    }
    EXPECT_LT(taken, 1024U);
}

TEST(AgeDecryptor, SeesThatAShortTextIsNoAgeFile) {
    EXPECT_THAT(decrypt({new_identity()}, "PGDMP").status.error().what, HasSubstr("not an age file"));
}

TEST(AgeDecryptor, SaysThatAnArmoredFileIsArmored) {
    const Opened opened = decrypt({new_identity()}, "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n");
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::usage);
    EXPECT_THAT(opened.status.error().what, HasSubstr("armored"));
}

TEST(AgeDecryptor, SaysThatAPassphraseIsNeeded) {
    const Opened opened = decrypt({new_identity()}, "age-encryption.org/v1\n-> scrypt ajMFur+EJLGaohv/dLRGnw 18\n" +
                                                        std::string(43, 'A') + "\n--- " + std::string(43, 'A') + "\n");
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::usage);
    EXPECT_THAT(opened.status.error().what, HasSubstr("passphrase"));
}

TEST(AgeDecryptor, NamesOtherKindsOfRecipientsAndPassesOverGrease) {
    const std::string body(43, 'A');
    const Opened opened =
        decrypt({new_identity()}, "age-encryption.org/v1\n-> ssh-ed25519 abcd efgh\n" + body +
                                      "\n-> 5-grease x\n\n-> ssh-ed25519 a b\n" + body + "\n--- " + body + "\n");
    ASSERT_FALSE(opened.status.ok());
    EXPECT_EQ(opened.status.error().kind, ErrorKind::usage);
    EXPECT_THAT(opened.status.error().what, HasSubstr("2 ssh-ed25519"));
    EXPECT_THAT(opened.status.error().what, testing::Not(HasSubstr("grease")));
}

}  // namespace
}  // namespace lifeboat::age
