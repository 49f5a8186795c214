#include "database_head.hpp"

#include <algorithm>
#include <array>
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

// PostgreSQL itself checks for a superuser when one of these is made.
bool of_superusers(std::string_view desc) {
    static constexpr std::array<std::string_view, 7> kinds = {
        "ACCESS METHOD",   "EVENT TRIGGER",      "FOREIGN DATA WRAPPER", "OPERATOR CLASS",
        "OPERATOR FAMILY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE"};
    return std::find(kinds.begin(), kinds.end(), desc) != kinds.end();
}

archive::TocOptions options_for(DatabaseHead& head) {
    auto options = head.needs.options();
    options.wanted = [wanted = std::move(options.wanted)](std::string_view desc, std::string_view tag) {
        auto fields = wanted ? wanted(desc, tag) : archive::TocFields::everything();
        fields.names = true;
        return fields;
    };
    options.take = [&head, take = std::move(options.take)](archive::TocEntry entry) {
        head.all_entries.push_back(entry.dump_id);
        if (only_a_superuser_can(entry)) {
            head.superuser_only.push_back(entry.dump_id);
        }
        if (of_superusers(entry.desc)) {
            head.superuser_kinds.insert(entry.desc);
        }
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
