// How an archive's table of contents says that each object is made.
#pragma once

#include "archive/content_hash.hpp"
#include "archive/toc.hpp"

#include <cstddef>
#include <map>
#include <string>
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
    // Subscriptions, publications, and what is said of them: so many.
    [[nodiscard]] std::size_t replication() const { return replication_; }

private:
    Hashes inside_;
    Hashes of_database_;
    std::size_t replication_ = 0;
};

// "VIEW public.adults": what is in both and not made in the same way. Names as they are; for people.
std::vector<std::string> made_differently(const Definitions::Hashes& first, const Definitions::Hashes& second);

// What is in the first only.
std::vector<std::string> missing_in_second(const Definitions::Hashes& first, const Definitions::Hashes& second);

}  // namespace lifeboat::drill
