#include "rows_by_column.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace lifeboat::archive {
namespace {

constexpr std::byte tab{'\t'};
constexpr std::byte line_feed{'\n'};
constexpr std::array<std::byte, 2> end_mark = {std::byte{'\\'}, std::byte{'.'}};

std::array<std::byte, 16> bytes_of(const ContentHash& hash) noexcept {
    constexpr int byte_bits = 8;
    std::array<std::byte, 16> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto half = i < bytes.size() / 2 ? hash.high : hash.low;
        const auto from_end = bytes.size() / 2 - 1 - i % (bytes.size() / 2);
        bytes[i] = static_cast<std::byte>(half >> (from_end * byte_bits) & 0xFFU);
    }
    return bytes;
}

}  // namespace

void RowsByColumn::begin(std::vector<std::string> columns) {
    columns_ = std::move(columns);
    for (auto& name : columns_) {
        name += '\0';  // which no name holds
    }
    ended_ = false;
    fits_ = !columns_.empty();
    rows_ = {};
    row_ = {};
    column_ = 0;
    line_size_ = 0;
    begin_value();
}

void RowsByColumn::take(stream::Bytes piece) noexcept {
    while (!piece.empty() && !ended_ && fits_) {
        const auto* const end = std::find_if(piece.data(), piece.data() + piece.size(),
                                             [](std::byte byte) { return byte == tab || byte == line_feed; });
        const auto value = piece.first(static_cast<std::size_t>(end - piece.data()));
        for (std::size_t i = 0; i < value.size() && line_size_ + i < line_begin_.size(); ++i) {
            line_begin_[static_cast<std::size_t>(line_size_) + i] = value[i];
        }
        line_size_ += value.size();
        value_.take(value);
        piece = piece.subspan(value.size());
        if (piece.empty()) {
            return;
        }
        const bool row_ends = piece.front() == line_feed;
        piece = piece.subspan(1);
        if (row_ends) {
            end_line();
        } else {
            ++line_size_;
            end_value();
            begin_value();
        }
    }
}

void RowsByColumn::begin_value() noexcept {
    value_.begin();
    if (column_ < columns_.size()) {
        value_.take(std::as_bytes(std::span(columns_[column_])));
    } else {
        fits_ = false;
    }
}

void RowsByColumn::end_value() noexcept {
    row_ += value_.hash();
    ++column_;
}

void RowsByColumn::end_line() noexcept {
    if (line_size_ == end_mark.size() && line_begin_ == end_mark) {
        ended_ = true;
        return;
    }
    end_value();
    fits_ = fits_ && column_ == columns_.size();
    const auto sum = bytes_of(row_);
    rows_ += xxh3(sum);
    row_ = {};
    column_ = 0;
    line_size_ = 0;
    begin_value();
}

}  // namespace lifeboat::archive
