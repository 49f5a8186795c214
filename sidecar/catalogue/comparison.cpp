#include "catalogue/comparison.hpp"

namespace lifeboat::catalogue {
namespace {

std::string quoted(const std::string& name) {
    return "'" + name + "'";
}

Mark mark(std::string_view kind, std::string reason, std::string database, const Manifest& before) {
    return {std::string(kind), std::move(reason), std::move(database), before.id.text()};
}

bool fell(std::uint64_t before, std::uint64_t now, const LineageRules& rules) {
    return static_cast<double>(now) < static_cast<double>(before) * rules.min_ratio;
}

// "3 of 1200 rows, 0 of 4 tables"; empty where nothing fell.
class Falls {
public:
    explicit Falls(const LineageRules& rules) : rules_(rules) {}

    void look(std::uint64_t before, std::uint64_t now, const std::string& of) {
        if (fell(before, now, rules_)) {
            text_ += (text_.empty() ? "" : ", ") + std::to_string(now) + " of " + std::to_string(before) + " " + of;
        }
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    const LineageRules& rules_;
    std::string text_;
};

std::string falls_of(const DatabaseRecord& before, const DatabaseRecord& now, const LineageRules& rules) {
    Falls falls(rules);
    if (before.contents && now.contents) {
        falls.look(before.contents->rows, now.contents->rows, "rows");
        falls.look(before.contents->bytes, now.contents->bytes, "bytes");
        falls.look(before.contents->tables, now.contents->tables, "tables");
    } else {
        falls.look(before.archive_bytes, now.archive_bytes, "bytes of archive");
    }
    return falls.text();
}

// The rows that both tell of.
struct Rows {
    std::uint64_t before = 0;
    std::uint64_t now = 0;
};

Rows rows_of(const Manifest& before, const Manifest& now) {
    Rows rows;
    for (const auto& database : before.databases) {
        const auto* same = now.find(database.name);
        if (database.contents && (same == nullptr || same->contents)) {
            rows.before += database.contents->rows;
            rows.now += same == nullptr ? 0 : same->contents->rows;
        }
    }
    for (const auto& database : now.databases) {
        if (before.find(database.name) == nullptr && database.contents) {
            rows.now += database.contents->rows;
        }
    }
    return rows;
}

void compare_servers(Comparison& comparison, const Manifest& before, const Manifest& now) {
    const auto& old_id = before.server.system_identifier;
    const auto& new_id = now.server.system_identifier;
    if (old_id.empty() || new_id.empty() || old_id == new_id) {
        return;
    }
    const std::string text = "the server is another one (system identifier " + new_id + ") than that of backup " +
                             before.id.text() + " (" + old_id + ")";
    const Rows rows = rows_of(before, now);
    const std::string of_rows = std::to_string(rows.now) + " of " + std::to_string(rows.before) + " rows";
    if (rows.now < rows.before) {
        comparison.marks.push_back(mark(new_server, text + " and holds " + of_rows, {}, before));
    } else {
        comparison.notes.push_back(text + ", with " + of_rows +
                                   ": after pg_upgrade or an import that is as it should be");
    }
}

void compare_database(Comparison& comparison, const Manifest& before, const DatabaseRecord& was, const Manifest& now,
                      const LineageRules& rules, const std::set<std::string>& on_server) {
    const auto* is = now.find(was.name);
    const std::string since = " since backup " + before.id.text();
    if (is == nullptr) {
        const bool left_out = on_server.count(was.name) != 0;
        comparison.marks.push_back(mark(
            database_gone,
            "database " + quoted(was.name) +
                (left_out ? " is left out by postgres.databases or postgres.exclude" : " is gone from the server") +
                since,
            was.name, before));
        return;
    }
    if (const auto falls = falls_of(was, *is, rules); !falls.empty()) {
        const bool asked = before.exclude_table_data != now.exclude_table_data;
        comparison.marks.push_back(mark(database_shrunk,
                                        "database " + quoted(was.name) + " shrank to " + falls + since +
                                            (asked ? " (postgres.exclude_table_data is another one)" : ""),
                                        was.name, before));
    } else if (!was.contents || !is->contents) {
        comparison.notes.push_back("database " + quoted(was.name) + " was compared with backup " + before.id.text() +
                                   " by the size of its archive: how many rows it holds is not known of both");
    }
}

}  // namespace

Comparison compare(const Manifest& before, const Manifest& now, const LineageRules& rules,
                   const std::set<std::string>& on_server) {
    Comparison comparison;
    compare_servers(comparison, before, now);
    for (const auto& database : before.databases) {
        compare_database(comparison, before, database, now, rules, on_server);
    }
    return comparison;
}

}  // namespace lifeboat::catalogue
