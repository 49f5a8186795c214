// What a server must have before an archive can be loaded, and what makes the database itself, as told by
// the archive's table of contents.
#pragma once

#include "archive/database_statements.hpp"
#include "archive/toc.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::archive {

// Gathers the essence of each entry on the way, so that a database of a hundred thousand tables costs no more
// memory than its role names. Feed it through a reader:
//     Prerequisites needs;
//     ContentsTap tap(next, {.also = needs.options()});
// All names are raw, without quotes. The object must outlive the reader and stay where it is.
class Prerequisites {
public:
    Prerequisites() = default;
    Prerequisites(const Prerequisites&) = delete;
    Prerequisites& operator=(const Prerequisites&) = delete;

    // Options of a reader that keeps just what take() needs, and hands it to this object.
    [[nodiscard]] TocOptions options();

    void take(const TocEntry& entry);

    // Every role that owns something or is named in privileges, default privileges, row security policies,
    // user mappings or settings of the database; the server's own (pg_…) among them. PUBLIC is none.
    [[nodiscard]] std::set<std::string> roles() const;

    // Those among them that pg_restore needs without --no-owner, without --no-acl, and in any case (policies and user
    // mappings name roles, too, and no flag leaves them out).
    [[nodiscard]] const std::set<std::string>& owners() const noexcept { return owners_; }
    [[nodiscard]] const std::set<std::string>& privileged() const noexcept { return privileged_; }
    [[nodiscard]] const std::set<std::string>& named_by_objects() const noexcept { return named_by_objects_; }
    // Those for which the database has settings.
    [[nodiscard]] const std::set<std::string>& with_settings() const noexcept { return with_settings_; }

    [[nodiscard]] const std::set<std::string>& extensions() const noexcept { return extensions_; }

    // Other than the database's own default, which stands in its CREATE DATABASE.
    [[nodiscard]] const std::set<std::string>& tablespaces() const noexcept { return tablespaces_; }

    // "UTF8": how names and SQL in the archive are encoded; empty where the archive does not say.
    [[nodiscard]] const std::string& encoding() const noexcept { return encoding_; }

    [[nodiscard]] const std::string& database_owner() const noexcept { return database_owner_; }
    [[nodiscard]] const std::vector<DatabaseStatement>& database() const noexcept { return database_; }

    // Entries whose SQL was expected to name roles and could not be read: the set of roles may lack some.
    [[nodiscard]] std::size_t not_understood() const noexcept { return not_understood_; }

private:
    void take_roles(const TocEntry& entry);
    void take_encoding(const TocEntry& entry);

    std::set<std::string> owners_;
    std::set<std::string> privileged_;
    std::set<std::string> named_by_objects_;
    std::set<std::string> with_settings_;
    std::set<std::string> extensions_;
    std::set<std::string> tablespaces_;
    std::string encoding_;
    std::string database_owner_;
    std::vector<DatabaseStatement> database_;
    std::size_t not_understood_ = 0;
};

// The same for entries that were gathered.
std::set<std::string> role_names(std::span<const TocEntry> entries);
std::set<std::string> extension_names(std::span<const TocEntry> entries);

}  // namespace lifeboat::archive
