#pragma once

#include "os/clock.hpp"
#include "result/result.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace lifeboat::catalogue {

// The name of one backup: the UTC time of its start and a short random tail, "20261122T021700Z-7f3a".
// Sorting the texts sorts the backups by the clock of whoever made them, which is not to be trusted for
// more than order on a page: ages are told by the store's clock.
class BackupId {
public:
    static BackupId make(os::TimePoint started);
    static Result<BackupId> parse(std::string_view text);

    // When the run started, by the clock of whoever made it; whole seconds.
    [[nodiscard]] os::TimePoint started() const;

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    friend auto operator<=>(const BackupId&,
                            const BackupId&) = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14

private:
    explicit BackupId(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

}  // namespace lifeboat::catalogue
