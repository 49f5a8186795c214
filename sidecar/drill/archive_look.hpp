// An archive on its way: what it holds, and how it says that everything is made.
#pragma once

#include "archive/contents.hpp"
#include "archive/prerequisites.hpp"
#include "archive_front.hpp"
#include "definitions.hpp"
#include "proof/proof.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace lifeboat::drill {

class ArchiveLook {
public:
    // A stage that looks at what passes; must not outlive this object. One archive for each ArchiveLook.
    std::unique_ptr<stream::Sink> tap(stream::Sink& next);

    // Keeps header and table of contents as they pass; before tap().
    void keep_front() { front_.emplace(); }
    // Only after keep_front().
    [[nodiscard]] ArchiveFront& front() { return *front_; }

    // Hears how many bytes have passed.
    std::function<void(std::uint64_t)> moved;

    // The last piece has passed, and the stage was finished.
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] const archive::ArchiveHeader& header() const { return header_; }
    [[nodiscard]] const archive::Prerequisites& needs() const { return needs_; }
    [[nodiscard]] const Definitions& definitions() const { return definitions_; }

    // Subscriptions, publications, and what is said of them: so many entries.
    [[nodiscard]] std::size_t replication() const { return definitions_.replication(); }

    // Nothing where it was not read to its end, or could not be counted.
    [[nodiscard]] std::optional<proof::Totals> totals() const;

    // Of what was read; nothing before finished().
    [[nodiscard]] std::optional<proof::DatabaseProof> proof(std::string database) &&;

private:
    class Tap;
    archive::Prerequisites needs_;
    Definitions definitions_;
    archive::ArchiveHeader header_;
    std::optional<ArchiveFront> front_;
    std::optional<archive::ContentsReader> reader_;
    std::uint64_t bytes_ = 0;
    bool finished_ = false;
};

}  // namespace lifeboat::drill
