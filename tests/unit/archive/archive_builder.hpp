// Writes custom-format archives byte by byte, in every version that the reader knows and in broken forms that no
// pg_dump writes.
#pragma once

#include "archive/toc.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::archive {

struct HeaderToBuild {
    int minor = 14;
    int integer_size = 4;
    int offset_size = 8;
    int format = 1;
    int compression = 0;
    std::string database = "app";
    std::string server_version = "15.18 (Debian 15.18-0+deb12u1)";
    std::string pg_dump_version = "15.20";
};

class ArchiveBuilder {
public:
    explicit ArchiveBuilder(HeaderToBuild header = {}) : header_(std::move(header)) {}

    ArchiveBuilder& add(TocEntry entry) {
        entries_.push_back(std::move(entry));
        return *this;
    }

    [[nodiscard]] std::string head() {
        bytes_ = "PGDMP";
        byte(1).byte(header_.minor).byte(0);
        byte(header_.integer_size).byte(header_.offset_size).byte(header_.format);
        if (header_.minor >= 15) {
            byte(header_.compression);
        } else {
            integer(header_.compression);
        }
        for (const int part : {19, 42, 13, 22, 10, 126, 0}) {
            integer(part);
        }
        text(header_.database).text(header_.server_version).text(header_.pg_dump_version);
        return bytes_;
    }

    [[nodiscard]] std::string build() {
        bytes_ = head();
        integer(static_cast<std::int64_t>(entries_.size()));
        for (const auto& entry : entries_) {
            append(entry);
        }
        return bytes_;
    }

    // The primitives, for tests that go on by hand behind head().
    ArchiveBuilder& byte(int value) {
        bytes_ += static_cast<char>(value);
        return *this;
    }

    ArchiveBuilder& integer(std::int64_t value) {
        byte(value < 0 ? 1 : 0);
        auto magnitude = static_cast<std::uint64_t>(value < 0 ? -value : value);
        for (int i = 0; i < header_.integer_size; ++i) {
            byte(static_cast<int>(magnitude & 0xFFU));
            magnitude >>= 8U;
        }
        return *this;
    }

    ArchiveBuilder& text(std::string_view value) {
        integer(static_cast<std::int64_t>(value.size()));
        bytes_ += value;
        return *this;
    }

    ArchiveBuilder& null_text() { return integer(-1); }

    // Data blocks, behind build(). One chunk for each text, as pg_dump writes one for each row up to version 18.
    ArchiveBuilder& table_block(std::int32_t dump_id, const std::vector<std::string>& chunks) {
        byte(1).integer(dump_id);
        return this->chunks(chunks);
    }

    ArchiveBuilder& rows_block(std::int32_t dump_id, std::vector<std::string> rows) {
        rows.emplace_back("\\.\n\n\n");
        return table_block(dump_id, rows);
    }

    // Oids above 2^31 are written as pg_dump does: negative.
    struct LargeObject {
        std::uint32_t oid = 0;
        std::vector<std::string> chunks;
    };
    ArchiveBuilder& objects_block(std::int32_t dump_id, const std::vector<LargeObject>& objects) {
        byte(3).integer(dump_id);
        for (const auto& object : objects) {
            integer(static_cast<std::int32_t>(object.oid)).chunks(object.chunks);
        }
        return integer(0);
    }

    ArchiveBuilder& chunks(const std::vector<std::string>& chunks) {
        for (const auto& chunk : chunks) {
            text(chunk);
        }
        return integer(0);
    }

    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    void append(const TocEntry& entry) {
        integer(entry.dump_id).integer(entry.has_data ? 1 : 0);
        text("1259").text("16384").text(entry.tag).text(entry.desc);
        integer(static_cast<int>(entry.section));
        text(entry.defn).text(entry.drop);
        entry.copy_stmt.empty() ? null_text() : text(entry.copy_stmt);
        entry.schema.empty() ? null_text() : text(entry.schema);
        text(entry.tablespace);
        if (header_.minor >= 14) {
            text("heap");
        }
        if (header_.minor >= 16) {
            integer('r');
        }
        text(entry.owner).text("false");
        for (const auto id : entry.dependencies) {
            text(std::to_string(id));
        }
        null_text();
        byte(entry.has_data ? 1 : 3);
        for (int i = 0; i < header_.offset_size; ++i) {
            byte(0);
        }
    }

    HeaderToBuild header_;
    std::vector<TocEntry> entries_;
    std::string bytes_;
};

inline TocEntry data_entry(std::int32_t id, std::string schema, std::string table, std::string copy_stmt) {
    TocEntry entry;
    entry.dump_id = id;
    entry.has_data = true;
    entry.tag = std::move(table);
    entry.desc = "TABLE DATA";
    entry.section = Section::data;
    entry.copy_stmt = std::move(copy_stmt);
    entry.schema = std::move(schema);
    entry.owner = "app";
    return entry;
}

inline TocEntry objects_entry(std::int32_t id) {
    auto entry = data_entry(id, "", "BLOBS", "");
    entry.desc = "BLOBS";
    return entry;
}

inline TocEntry sample_table(std::int32_t id = 217) {
    TocEntry entry;
    entry.dump_id = id;
    entry.tag = "Tab\"le\nnl";
    entry.desc = "TABLE";
    entry.section = Section::pre_data;
    entry.defn = "CREATE TABLE s.\"Tab\"\"le\nnl\" (a integer);\n";
    entry.drop = "DROP TABLE s.\"Tab\"\"le\nnl\";\n";
    entry.schema = "s";
    entry.tablespace = "fast";
    entry.owner = "app";
    entry.dependencies = {8, 3};
    return entry;
}

inline TocEntry sample_table_data(std::int32_t id = 3543) {
    auto entry = data_entry(id, "s", "Tab\"le\nnl", "COPY s.\"Tab\"\"le\nnl\" (a) FROM stdin;\n");
    entry.dependencies = {217};
    return entry;
}

// An entry of which only the kind, the name, the SQL and the owner matter.
inline TocEntry sql_entry(std::string desc, std::string tag, std::string defn, std::string owner = {}) {
    TocEntry entry;
    entry.dump_id = 1;
    entry.desc = std::move(desc);
    entry.tag = std::move(tag);
    entry.defn = std::move(defn);
    entry.owner = std::move(owner);
    return entry;
}

}  // namespace lifeboat::archive
