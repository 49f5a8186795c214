#include "config/suggest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace lifeboat::config {
namespace {

// Longer than any name of ours: nothing can be near it, and the table below stays small.
constexpr std::size_t longest_word = 64;

// "encrypt" for "encryption": people shorten.
bool shortens(std::string_view a, std::string_view b) {
    const auto [shorter, longer] = std::minmax(a, b, [](auto x, auto y) { return x.size() < y.size(); });
    return shorter.size() >= 4 && longer.starts_with(shorter);
}

std::size_t tolerated(std::string_view word) {
    return std::clamp<std::size_t>(word.size() / 3, 1, 4);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last.swap(last);
        last.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates) {
    if (word.empty() || word.size() > longest_word) {
        return std::nullopt;
    }
    std::optional<std::string> best;
    std::size_t best_distance = tolerated(word) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = shortens(word, candidate) ? 1 : edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace lifeboat::config
