#include "database_head.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace lifeboat::restore {
namespace {

// Takes an archive until its table of contents has been read, and then wants no more.
class HeadOnly final : public stream::Sink {
public:
    explicit HeadOnly(archive::TocOptions options) : reader_(std::move(options)) {}

    Status write(stream::Bytes chunk) override {
        reader_.feed(chunk);
        if (reader_.state() != archive::TocState::reading) {
            return Error{ErrorKind::interrupted, "enough was read", {}};
        }
        return done();
    }
    Status finish() override { return done(); }
    [[nodiscard]] const archive::TocReader& toc() const { return reader_; }

private:
    archive::TocReader reader_;
};

bool only_a_superuser_can(const archive::TocEntry& entry) {
    return entry.desc == "COMMENT" && entry.tag.rfind("EXTENSION ", 0) == 0;
}

bool begins(std::string_view text, std::string_view beginning) {
    return text.substr(0, beginning.size()) == beginning;
}

// pg_restore's own flags for it leave the comments, which then have nothing to stand on.
bool of_replication(const archive::TocEntry& entry) {
    const bool about = entry.desc == "COMMENT" || entry.desc == "SECURITY LABEL";
    const std::string_view what = about ? entry.tag : entry.desc;
    return begins(what, about ? "SUBSCRIPTION " : "SUBSCRIPTION") ||
           begins(what, about ? "PUBLICATION " : "PUBLICATION");
}

// PostgreSQL itself checks for a superuser when one of these is made. A shell type becomes a base type.
bool of_superusers(std::string_view desc) {
    static constexpr std::array<std::string_view, 9> kinds = {
        "ACCESS METHOD",   "EVENT TRIGGER",      "FOREIGN DATA WRAPPER", "OPERATOR CLASS",
        "OPERATOR FAMILY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "PUBLICATION TABLES IN SCHEMA",
        "SHELL TYPE"};
    return std::find(kinds.begin(), kinds.end(), desc) != kinds.end();
}

bool has_routine(std::string_view desc) {
    return desc == "FUNCTION" || desc == "PROCEDURE";
}

// Whether its definition must be read to know.
bool may_be_of_superusers(std::string_view desc) {
    return has_routine(desc) || desc == "PUBLICATION" || desc == "CAST";
}

// CREATE FUNCTION s.name(…) RETURNS … LANGUAGE c … LEAKPROOF …. The words are no reserved ones, but an object's name
// stands behind a dot, and arguments in parentheses.
std::string kind_of_routine(const archive::TocEntry& entry, const archive::SqlStatement& statement) {
    const auto& tokens = statement.tokens;
    archive::SqlCursor cursor(tokens);
    while (cursor.skip_behind("LANGUAGE")) {
        const auto* language = cursor.peek();
        if (language == nullptr) {
            return {};
        }
        const auto at = static_cast<std::size_t>(language - tokens.data());
        if (at >= 2 && tokens[at - 2].text == ".") {
            continue;
        }
        const auto name = archive::identifier(*language).value_or("");
        if (name == "c" || name == "internal") {
            return entry.desc + " in language " + name;
        }
        return cursor.skip_behind("LEAKPROOF") ? entry.desc + " that is leakproof" : "";
    }
    return {};
}

// Empty for what a plain owner can make.
std::string kind_of_superusers(const archive::TocEntry& entry) {
    if (of_superusers(entry.desc)) {
        return entry.desc == "SHELL TYPE" ? "base TYPE" : entry.desc;
    }
    if (!may_be_of_superusers(entry.desc)) {
        return {};
    }
    const auto statements = archive::split_statements(entry.defn);
    if (!statements || statements->empty()) {
        return {};
    }
    const auto& statement = statements->front();
    if (has_routine(entry.desc)) {
        return kind_of_routine(entry, statement);
    }
    archive::SqlCursor cursor(statement.tokens);
    if (entry.desc == "PUBLICATION") {
        return cursor.accept("CREATE PUBLICATION") && cursor.name() && cursor.accept("FOR ALL TABLES")
                   ? "PUBLICATION FOR ALL TABLES"
                   : "";
    }
    return cursor.skip_behind("WITHOUT") ? "CAST WITHOUT FUNCTION" : "";
}

archive::TocOptions options_for(DatabaseHead& head) {
    auto options = head.needs.options();
    options.keep_at_most = options.longest_text;  // a routine's whole definition is looked at
    options.wanted = [wanted = std::move(options.wanted)](std::string_view desc, std::string_view tag) {
        auto fields = wanted ? wanted(desc, tag) : archive::TocFields::everything();
        fields.names = true;
        fields.defn = fields.defn || may_be_of_superusers(desc);
        return fields;
    };
    options.take = [&head, take = std::move(options.take)](archive::TocEntry entry) {
        head.all_entries.push_back(entry.dump_id);
        if (only_a_superuser_can(entry)) {
            head.superuser_only.insert(entry.dump_id);
        }
        if (of_replication(entry)) {
            head.replication.insert(entry.dump_id);
        }
        if (entry.desc == "MATERIALIZED VIEW DATA" || entry.desc == "EVENT TRIGGER") {
            head.running_code.insert(entry.dump_id);
        }
        if (auto kind = kind_of_superusers(entry); !kind.empty()) {
            head.superuser_kinds.insert(std::move(kind));
        }
        head.subscriptions = head.subscriptions || entry.desc == "SUBSCRIPTION";
        head.uses_public =
            head.uses_public || (entry.schema == "public" && entry.desc != "ACL" && entry.desc != "COMMENT");
        take(std::move(entry));
    };
    return options;
}

}  // namespace

Status read_head(const Source& source, const catalogue::DatabaseRecord& database, DatabaseHead& head) {
    HeadOnly sink(options_for(head));
    auto read = read_stream(source, database.objects, sink);
    if (sink.toc().state() == archive::TocState::reading && !read) {
        return in_context("database '" + database.name + "'", std::move(read).error());
    }
    if (auto verdict = sink.toc().verdict(); !verdict) {
        return in_context("the archive of database '" + database.name + "'", std::move(verdict).error());
    }
    return done();
}

}  // namespace lifeboat::restore
