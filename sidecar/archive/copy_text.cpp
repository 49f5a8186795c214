#include "copy_text.hpp"

#include <algorithm>
#include <cstring>

namespace lifeboat::archive {
namespace {

constexpr std::byte line_feed{'\n'};
constexpr std::array<std::byte, 2> end_mark = {std::byte{'\\'}, std::byte{'.'}};
constexpr std::size_t end_mark_line = end_mark.size() + 1;

// Up to and with the first line feed; everything where there is none.
stream::Bytes first_line(stream::Bytes text) {
    const auto* end = static_cast<const std::byte*>(std::memchr(text.data(), '\n', text.size()));
    return end == nullptr ? text : text.first(static_cast<std::size_t>(end - text.data()) + 1);
}

}  // namespace

void CopyText::begin() noexcept {
    state_ = State::rows;
    blank_lines_ = 0;
    totals_ = {};
    parts_size_ = 0;
}

bool CopyText::take(stream::Bytes piece) noexcept {
    while (!piece.empty() && state_ == State::rows) {
        const auto line = first_line(piece);
        piece = piece.subspan(line.size());
        const bool whole = line.back() == line_feed;
        if (whole && parts_size_ == 0) {
            take_line(line);
            continue;
        }
        take_part(line);
        if (whole) {
            end_parts();
        }
    }
    if (!piece.empty()) {
        take_blank_lines(piece);
    }
    return state_ != State::broken;
}

void CopyText::take_line(stream::Bytes line) noexcept {
    if (line.size() == end_mark_line && line[0] == end_mark[0] && line[1] == end_mark[1]) {
        state_ = State::blank_lines;
        return;
    }
    count(line.size(), xxh3(line));
}

void CopyText::take_part(stream::Bytes part) noexcept {
    if (parts_size_ == 0) {
        parts_hash_.begin();
    }
    for (std::size_t i = 0; i < part.size() && parts_size_ + i < parts_begin_.size(); ++i) {
        parts_begin_[static_cast<std::size_t>(parts_size_) + i] = part[i];
    }
    parts_size_ += part.size();
    parts_hash_.take(part);
}

void CopyText::end_parts() noexcept {
    if (parts_size_ == end_mark_line && parts_begin_ == end_mark) {
        state_ = State::blank_lines;
    } else {
        count(parts_size_, parts_hash_.hash());
    }
    parts_size_ = 0;
}

void CopyText::count(std::uint64_t bytes, const ContentHash& hash) noexcept {
    ++totals_.rows;
    totals_.bytes += bytes;
    totals_.hash += hash;
}

void CopyText::take_blank_lines(stream::Bytes piece) noexcept {
    const bool fits = state_ == State::blank_lines && piece.size() <= static_cast<std::size_t>(2 - blank_lines_) &&
                      std::ranges::all_of(piece, [](std::byte byte) { return byte == line_feed; });
    if (!fits) {
        state_ = State::broken;
        return;
    }
    blank_lines_ += static_cast<int>(piece.size());
}

}  // namespace lifeboat::archive
