#include "round_trip.hpp"

#include <gmock/gmock.h>

#include <cctype>

namespace lifeboat::age {
namespace {

using testing::HasSubstr;
using testing::Not;

// The example of the format's specification.
constexpr std::string_view known_identity =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
constexpr std::string_view known_recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

template <class T>
Error usage_error(const Result<T>& result) {
    EXPECT_FALSE(result.ok());
    if (result.ok()) {
        return {};
    }
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    EXPECT_FALSE(result.error().next.empty());
    return result.error();
}

TEST(Identity, HasThePublicKeyThatTheSpecificationGives) {
    const auto identity = Identity::parse(known_identity);
    ASSERT_TRUE(identity.ok()) << identity.error().what;
    EXPECT_EQ(identity->recipient().text(), known_recipient);
}

TEST(Identity, IsWrittenAsItWasRead) {
    EXPECT_EQ(Identity::parse(known_identity)->text().reveal(), known_identity);
}

TEST(Identity, IsAnotherEachTimeItIsMade) {
    EXPECT_NE(new_identity().recipient(), new_identity().recipient());
}

TEST(Identity, ThatWasMadeCanBeReadBack) {
    const Identity made = new_identity();
    const auto read = Identity::parse(made.text().reveal());
    ASSERT_TRUE(read.ok()) << read.error().what;
    EXPECT_EQ(read->recipient(), made.recipient());
}

TEST(Identity, WithOneWrongLetterIsRefusedWithoutBeingRepeated) {
    for (std::size_t at = 16; at < known_identity.size(); ++at) {
        std::string text(known_identity);
        text[at] = text[at] == 'Q' ? 'P' : 'Q';
        const Error error = usage_error(Identity::parse(text));
        EXPECT_THAT(error.what, Not(HasSubstr(text.substr(20, 8))));
        EXPECT_THAT(error.next, Not(HasSubstr(text.substr(20, 8))));
    }
}

TEST(Identity, ThatWasCutShortIsRefused) {
    for (std::size_t size = 0; size < known_identity.size(); ++size) {
        usage_error(Identity::parse(known_identity.substr(0, size)));
    }
}

TEST(Identity, InLowerOrMixedCaseIsRefusedAsAgeDoes) {
    usage_error(Identity::parse(lower(known_identity)));
    std::string mixed(known_identity);
    mixed.back() = static_cast<char>(std::tolower(static_cast<unsigned char>(mixed.back())));
    EXPECT_THAT(usage_error(Identity::parse(mixed)).what, HasSubstr("case"));
}

TEST(Identity, SaysThatAPublicKeyIsNone) {
    EXPECT_THAT(usage_error(Identity::parse(known_recipient)).what, HasSubstr("public key"));
}

TEST(Identity, SaysWhichOtherKindsAreNotSupported) {
    EXPECT_THAT(usage_error(Identity::parse("AGE-PLUGIN-YUBIKEY-1QQQ")).what, HasSubstr("plugin"));
    EXPECT_THAT(usage_error(Identity::parse("AGE-SECRET-KEY-PQ-1QQQ")).what, HasSubstr("post-quantum"));
    EXPECT_THAT(usage_error(Identity::parse("-----BEGIN OPENSSH PRIVATE KEY-----")).what, HasSubstr("SSH"));
}

TEST(Recipient, IsWrittenAsItWasRead) {
    const auto recipient = Recipient::parse(known_recipient);
    ASSERT_TRUE(recipient.ok()) << recipient.error().what;
    EXPECT_EQ(recipient->text(), known_recipient);
}

TEST(Recipient, WithOneWrongLetterIsRefusedByItsChecksum) {
    for (std::size_t at = 4; at < known_recipient.size(); ++at) {
        std::string text(known_recipient);
        text[at] = text[at] == 'q' ? 'p' : 'q';
        EXPECT_THAT(usage_error(Recipient::parse(text)).what, HasSubstr("checksum"));
    }
}

TEST(Recipient, ThatWasCutShortIsRefused) {
    for (std::size_t size = 0; size < known_recipient.size(); ++size) {
        usage_error(Recipient::parse(known_recipient.substr(0, size)));
    }
}

TEST(Recipient, WithSomethingAroundItIsRefused) {
    usage_error(Recipient::parse(std::string(known_recipient) + "\n"));
    usage_error(Recipient::parse(" " + std::string(known_recipient)));
}

TEST(Recipient, InUpperCaseIsRefusedAsAgeDoes) {
    usage_error(Recipient::parse(upper(known_recipient)));
}

TEST(Recipient, ThatIsASecretKeyIsRefusedWithoutBeingRepeated) {
    for (const std::string& text : {std::string(known_identity), lower(known_identity)}) {
        const Error error = usage_error(Recipient::parse(text));
        EXPECT_THAT(error.what, HasSubstr("secret key"));
        EXPECT_THAT(lower(error.what + error.next), Not(HasSubstr("gfpyysj")));
    }
}

TEST(Recipient, ThatMayBeAnySecretIsNotRepeated) {
    const Error error = usage_error(Recipient::parse("hunter2-the-password"));
    EXPECT_THAT(error.what + error.next, Not(HasSubstr("hunter2")));
}

TEST(Recipient, SaysWhichOtherKindsAreNotSupported) {
    EXPECT_THAT(usage_error(Recipient::parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5")).what, HasSubstr("SSH"));
    // A plugin's, of five bytes; its checksum fits.
    EXPECT_THAT(usage_error(Recipient::parse("age1plugin1qqqsyqcykh5huj")).what, HasSubstr("not supported"));
}

TEST(Recipient, OfTheWrongLengthIsRefusedThoughItsChecksumFits) {
    EXPECT_THAT(usage_error(Recipient::parse("age1qqqsyqcy8erazp")).what, HasSubstr("length"));
}

TEST(IdentityFile, GivesEveryKeyAndPassesOverCommentsAndBlankLines) {
    const Identity a = new_identity();
    const Identity b = new_identity();
    const std::string text = "# created: 2026-11-22\n# public key: " + a.recipient().text() + "\n" +
                             std::string(a.text().reveal()) + "\n\n   \n" + std::string(b.text().reveal());
    const auto identities = parse_identities(text, "key.txt");
    ASSERT_TRUE(identities.ok()) << identities.error().what;
    ASSERT_EQ(identities->size(), 2U);
    EXPECT_EQ(identities->at(0).recipient(), a.recipient());
    EXPECT_EQ(identities->at(1).recipient(), b.recipient());
}

TEST(IdentityFile, MayHaveLineEndsOfAnotherSystem) {
    const std::string text = "# a comment\r\n" + std::string(known_identity) + "\r\n";
    EXPECT_TRUE(parse_identities(text, "key.txt").ok());
}

TEST(IdentityFile, NamesTheFileAndTheLineThatIsNoKeyAndNeverItsText) {
    std::string broken(known_identity);
    broken.back() = 'Q';
    const Error error =
        usage_error(parse_identities("# one\n" + std::string(known_identity) + "\n" + broken + "\n", "key.txt"));
    EXPECT_THAT(error.what, HasSubstr("key.txt, line 3"));
    EXPECT_THAT(error.what + error.next, Not(HasSubstr("GFPYYSJ")));
}

TEST(IdentityFile, WithoutAnyKeyIsRefused) {
    EXPECT_THAT(usage_error(parse_identities("", "standard input")).what, HasSubstr("standard input"));
    usage_error(parse_identities("# only a comment\n", "key.txt"));
}

TEST(IdentityFile, ThatIsItselfEncryptedIsRefusedAsSuch) {
    const std::string encrypted = encrypt({new_identity().recipient()}, known_identity);
    EXPECT_THAT(usage_error(parse_identities(encrypted, "key.txt")).what, HasSubstr("encrypted"));
    EXPECT_THAT(usage_error(parse_identities("-----BEGIN AGE ENCRYPTED FILE-----\n", "key.txt")).what,
                HasSubstr("encrypted"));
}

}  // namespace
}  // namespace lifeboat::age
