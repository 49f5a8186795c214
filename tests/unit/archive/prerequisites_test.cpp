#include "archive/prerequisites.hpp"

#include "archive_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::archive {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::set<std::string> roles_in(std::string desc, std::string defn) {
    const auto entry = sql_entry(std::move(desc), "x", std::move(defn));
    return role_names(std::span(&entry, 1));
}

TEST(RoleNames, HoldTheOwnersOfEntries) {
    const std::vector<TocEntry> entries = {sample_table(), sql_entry("SCHEMA", "s", "", "We\"ird"),
                                           sql_entry("EXTENSION", "hstore", "")};
    EXPECT_THAT(role_names(entries), UnorderedElementsAre("app", "We\"ird"));
}

TEST(RoleNames, HoldGranteesAndGrantorsOfPrivileges) {
    EXPECT_THAT(
        roles_in("ACL",
                 "REVOKE ALL ON FUNCTION s.f(a \"char\", b text) FROM PUBLIC;\n"
                 "GRANT SELECT(\"to\"),UPDATE(b) ON TABLE s.\"to; x\" TO \"we\"\"ird; role\" WITH GRANT OPTION;\n"
                 "SET SESSION AUTHORIZATION \"new\nline\";\n"
                 "GRANT SELECT ON TABLE s.t TO bob;\n"
                 "RESET SESSION AUTHORIZATION;\n"
                 "REVOKE GRANT OPTION FOR ALL ON LARGE OBJECT 4711 FROM eve;\n"
                 "GRANT USAGE ON SCHEMA s TO GROUP staff;\n"),
        UnorderedElementsAre("we\"ird; role", "new\nline", "bob", "eve", "staff"));
}

TEST(RoleNames, HoldBothSidesOfDefaultPrivileges) {
    EXPECT_THAT(
        roles_in("DEFAULT ACL",
                 "ALTER DEFAULT PRIVILEGES FOR ROLE \"App\" IN SCHEMA \"from\" REVOKE ALL ON TABLES  FROM eve;\n"
                 "ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES  TO bob WITH GRANT OPTION;\n"
                 "ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE ALL ON FUNCTIONS  FROM PUBLIC;\n"),
        UnorderedElementsAre("App", "eve", "app", "bob"));
}

TEST(RoleNames, HoldTheRolesOfPoliciesAndNothingOutOfTheirConditions) {
    EXPECT_THAT(
        roles_in("POLICY",
                 "CREATE POLICY \"p TO nobody\" ON s.t FOR SELECT TO bob, \"Eve\" USING ((b <> ' TO x'::text));"),
        UnorderedElementsAre("bob", "Eve"));
    EXPECT_THAT(roles_in("POLICY", "CREATE POLICY p2 ON s.t USING (((a > 0) AND (b <> 'TO ghost'::text)));"),
                IsEmpty());
}

TEST(RoleNames, HoldUserMappingsAndSettingsPerDatabase) {
    EXPECT_THAT(roles_in("USER MAPPING", "CREATE USER MAPPING FOR bob SERVER s OPTIONS (\n    password 'TO x;'\n);"),
                ElementsAre("bob"));
    EXPECT_THAT(roles_in("USER MAPPING", "CREATE USER MAPPING FOR public SERVER s;"), IsEmpty());
    EXPECT_THAT(
        roles_in("DATABASE PROPERTIES", "ALTER DATABASE x SET a TO 1;\nALTER ROLE r IN DATABASE x SET a TO 1;\n"),
        ElementsAre("r"));
}

TEST(Prerequisites, CountWhatTheyCouldNotUnderstand) {
    for (const auto* defn :
         {"GRANT SELECT ON t", "GRANT x TO 'y'", "DO $$ GRANT x TO y $$", "GRANT x TO y; GRANT 'z"}) {
        Prerequisites needs;
        needs.take(sql_entry("ACL", "TABLE t", defn));
        EXPECT_EQ(needs.not_understood(), 1U) << defn;
    }
}

TEST(Prerequisites, NameExtensionsTablespacesEncodingAndDatabase) {
    Prerequisites needs;
    needs.take(sql_entry("ENCODING", "ENCODING", "SET client_encoding = 'SQL_ASCII';\n"));
    needs.take(sql_entry("DATABASE", "app", "CREATE DATABASE app WITH TEMPLATE = template0;\n", "Owner"));
    needs.take(sql_entry("DATABASE PROPERTIES", "app", "ALTER DATABASE app SET a TO 1;\n", "Owner"));
    needs.take(sql_entry("EXTENSION", "uuid-ossp", "CREATE EXTENSION …"));
    needs.take(sample_table());

    EXPECT_EQ(needs.encoding(), "SQL_ASCII");
    EXPECT_EQ(needs.database_owner(), "Owner");
    EXPECT_THAT(needs.database(), SizeIs(2));
    EXPECT_THAT(needs.extensions(), ElementsAre("uuid-ossp"));
    EXPECT_THAT(needs.tablespaces(), ElementsAre("fast"));
    EXPECT_THAT(needs.roles(), ElementsAre("Owner", "app"));
}

TEST(Prerequisites, NeedLittleMemoryForManyTables) {
    ArchiveBuilder archive;
    for (int id = 1; id <= 20'000; ++id) {
        archive.add(sample_table(id));
    }
    Prerequisites needs;
    auto options = needs.options();
    options.keep_at_most = 4096;
    TocReader reader(std::move(options));
    reader.feed(stream::as_bytes(archive.build()));

    EXPECT_TRUE(reader.complete());
    EXPECT_THAT(needs.roles(), ElementsAre("app"));
}

}  // namespace
}  // namespace lifeboat::archive
