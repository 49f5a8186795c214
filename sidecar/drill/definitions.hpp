// How an archive's table of contents says that each object is made.
#pragma once

#include "archive/content_hash.hpp"
#include "archive/toc.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::drill {

// Keeps a hash of each text, so that it is small beside the archive's own list.
class Definitions {
public:
    // Options that feed it beside whatever `other` feeds; it must stay where it is until the reader is gone.
    archive::TocOptions beside(archive::TocOptions other);

    void take(const archive::TocEntry& entry);

    // Of what is made in a database; those of the database itself (its CREATE DATABASE, its settings) apart.
    using Hashes = std::map<std::string, archive::ContentHash>;
    [[nodiscard]] const Hashes& inside() const { return inside_; }
    [[nodiscard]] const Hashes& of_database() const { return of_database_; }
    // What is said of large objects, which an archive without rows does not hold.
    [[nodiscard]] const Hashes& of_large_objects() const { return of_large_objects_; }
    // Subscriptions, publications, and what is said of them: so many.
    [[nodiscard]] std::size_t replication() const { return replication_; }

    // By their numbers, in the archive's order: the entries that make a schema, without subscriptions and publications;
    // and those among them that only a superuser can restore.
    [[nodiscard]] const std::vector<std::int32_t>& of_schema() const { return of_schema_; }
    [[nodiscard]] const std::set<std::int32_t>& of_superusers() const { return of_superusers_; }

private:
    Hashes inside_;
    Hashes of_database_;
    Hashes of_large_objects_;
    std::size_t replication_ = 0;
    std::vector<std::int32_t> of_schema_;
    std::set<std::int32_t> of_superusers_;
};

// "VIEW public.adults". Names as they are, without control characters; for people.
std::string shown_name(const archive::TocEntry& entry);

// The names of what is in both and not made in the same way, as shown_name() has them, sorted.
std::vector<std::string> made_differently(const Definitions::Hashes& first, const Definitions::Hashes& second);

// What is in the first only, likewise.
std::vector<std::string> missing_in_second(const Definitions::Hashes& first, const Definitions::Hashes& second);

// Where two definitions of one object part: "NOT NULL" …. What literals say is not shown, as it may be anybody's
// secret: a default, the body of a function, a comment. Empty where no words are different.
std::string what_differs(std::string_view in_backup, std::string_view restored);

}  // namespace lifeboat::drill
