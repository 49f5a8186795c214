#include "database_dump.hpp"

#include "archive/contents.hpp"
#include "archive/prerequisites.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <type_traits>

namespace lifeboat::backup {
namespace {

using postgres::ClientProgram;
using postgres::Connection;
using postgres::SchemaNames;
using postgres::TableFiles;

constexpr int most_attempts = 3;

// What is kept of an archive's contents: all of about ten thousand ordinary tables. Of more the list of entries is
// dropped, and beyond some forty thousand everything: such a database is stored, and said to be not proven.
constexpr std::size_t most_contents = std::size_t{12} << 20U;

std::vector<std::string> dump_arguments(const BackupPlan& plan, const postgres::DatabaseLocale& locale) {
    std::vector<std::string> arguments = {"--format=custom", "--compress=0", "--no-password",
                                          "--encoding=" + locale.encoding,
                                          "--lock-wait-timeout=" + std::to_string(plan.lock_timeout.count())};
    for (const auto& pattern : plan.exclude_table_data) {
        arguments.push_back("--exclude-table-data=" + pattern);
    }
    return arguments;
}

std::vector<catalogue::OmissionRecord> records_of(const std::vector<postgres::Omission>& omissions) {
    std::vector<catalogue::OmissionRecord> records;
    records.reserve(omissions.size());
    for (const auto& omission : omissions) {
        records.push_back({omission.kind, omission.count, omission.text});
    }
    return records;
}

catalogue::NeedsRecord record_of(const postgres::DatabaseNeeds& needs) {
    const auto& locale = needs.locale;
    catalogue::NeedsRecord record{locale.encoding,  locale.provider, locale.collate, locale.ctype, locale.locale, {},
                                  needs.tablespaces};
    for (const auto& extension : needs.extensions) {
        record.extensions.push_back({extension.name, extension.version});
    }
    return record;
}

// An exit code of 0 is not the whole truth. What cannot be read, because it is of a later version or too large, may be
// good and is stored all the same.
Status check_archive(const archive::ContentsReader& reader) {
    if (!reader.archive_broken()) {
        return done();
    }
    Error error = reader.verdict().error();
    return Error{ErrorKind::failed,
                 "what pg_dump printed is no whole archive although it ended well: " + std::move(error.what),
                 "look at the program in postgres.bin_dir, and run the backup again", std::move(error.detail)};
}

std::optional<catalogue::ContentTotals> record_of(const std::optional<proof::Totals>& totals) {
    if (!totals) {
        return std::nullopt;
    }
    return catalogue::ContentTotals{totals->tables, totals->rows, totals->bytes, totals->sequences,
                                    totals->large_objects};
}

std::set<std::string> without_server_roles(const std::set<std::string>& roles) {
    std::set<std::string> own;
    std::copy_if(roles.begin(), roles.end(), std::inserter(own, own.end()),
                 [](const std::string& role) { return role.rfind("pg_", 0) != 0; });
    return own;
}

// Why a dump is thrown away and taken again.
struct Again {
    std::string happened;  // for the log
    Error for_good;        // where it is the same at every attempt
};

struct Attempt {
    std::optional<DumpedDatabase> dumped;  // empty: see `again`
    std::optional<Again> again;
};

Again exchanged_again() {
    return {"a schema took the name of another while the dump ran; taking it again",
            {ErrorKind::temporary,
             "schemas are exchanged whenever a dump runs: it would hold other tables' rows under their names, or none",
             "run the backup when no schema is renamed",
             {}}};
}

Again rewritten_again() {
    return {"a table was truncated or rewritten while the dump began; taking it again",
            {ErrorKind::temporary,
             "tables are truncated or rewritten whenever a dump begins: they would look empty in it",
             "run the backup when no migration or bulk load is under way",
             {}}};
}

Again extension_rewritten_again() {
    return {
        "a table that an extension registered was truncated or rewritten while the dump ran; taking it again",
        {ErrorKind::temporary,
         "tables that extensions registered for dumping are truncated or rewritten whenever a dump runs: they would "
         "look empty in it",
         "run the backup when nothing fills them anew, or leave their rows out by postgres.exclude_table_data",
         {}}};
}

// pg_dump reads the catalog first and locks what it found there then. What was dropped in between ends it.
bool was_dropped_under_way(const Error& error) {
    const auto says = [&error](std::string_view words) { return error.detail.find(words) != std::string::npos; };
    const bool is_gone = (says("relation \"") || says("schema \"")) && says("does not exist");
    return error.kind == ErrorKind::failed &&
           (is_gone || says("cache lookup failed") || says("could not open relation with OID") ||
            says("failed to get data for sequence"));  // the words of PostgreSQL 18
}

Again dropped_again(Error error) {
    error.next = "run the backup when fewer tables are dropped and made anew";
    return {"something was dropped while the dump began; taking it again", std::move(error)};
}

// For questions about one database. They lock next to nothing; what they do wait for is waited for no longer than
// pg_dump would.
Result<Connection> connect_to(const DumpTools& tools, const std::string& name) {
    auto inside = Connection::open(tools.plan.server, name, tools.stop);
    if (!inside) {
        return std::move(inside).error();
    }
    if (auto set = inside->execute("SET lock_timeout = " + std::to_string(tools.plan.lock_timeout.count())); !set) {
        return std::move(set).error();
    }
    return inside;
}

// While pg_dump has its connection, and waits for us, or has just ended. So a server that has no room for one more is
// asked again a few times only.
template <class Look>
std::invoke_result_t<Look, Connection&> look_again(const DumpTools& tools, const std::string& name, Look look) {
    constexpr int most_tries = 3;
    constexpr std::chrono::milliseconds pause{500};
    for (int tries = 1;; ++tries) {
        {
            const auto alone = tools.giving_way.without_pings();
            auto inside = connect_to(tools, name);
            if (inside) {
                inside->answer_within(tools.plan.max_stall);
                auto seen = look(*inside);
                inside->close();
                return seen;
            }
            if (tries == most_tries || inside.error().kind != ErrorKind::temporary) {
                return std::move(inside).error();
            }
        }
        std::this_thread::sleep_for(pause);
    }
}

// What pg_dump reads by name, and without a lock that would keep it as it was, until its end.
struct Unguarded {
    SchemaNames schemas;
    TableFiles of_extensions;

    static Result<Unguarded> read(Connection& connection, const std::vector<std::string>& without_rows) {
        auto schemas = SchemaNames::read(connection, without_rows);
        if (!schemas) {
            return std::move(schemas).error();
        }
        auto files = TableFiles::read_registered(connection, without_rows);
        if (!files) {
            return std::move(files).error();
        }
        return Unguarded{std::move(*schemas), std::move(*files)};
    }
};

std::optional<Again> changed_since(const Unguarded& before, const Unguarded& now) {
    if (now.schemas.exchanged_since(before.schemas)) {
        return exchanged_again();
    }
    if (now.of_extensions.rewritten_since(before.of_extensions) != 0) {
        return extension_rewritten_again();
    }
    return std::nullopt;
}

// `inside` is closed as soon as pg_dump runs.
Result<Attempt> attempt(const DumpTools& tools, const std::string& name, const store::ObjectKey& key,
                        const postgres::Inspection& inspection, Connection inside) {
    auto before = TableFiles::read(inside);
    if (!before) {
        return std::move(before).error();
    }
    auto unguarded = Unguarded::read(inside, tools.plan.exclude_table_data);
    if (!unguarded) {
        return std::move(unguarded).error();
    }
    const std::string session = new_session_name();
    auto alone = tools.giving_way.without_pings();
    auto program = ClientProgram::start(tools.programs.pg_dump, dump_arguments(tools.plan, inspection.needs.locale),
                                        ClientProgram::Streams::output, inside, name,
                                        {.address_space = dump_memory(tools.plan.dump_memory), .session = session});
    inside.close();
    alone.unlock();
    if (!program) {
        return std::move(program).error();
    }
    archive::Prerequisites needs;
    archive::ContentsTap* tap = nullptr;
    proof::DatabaseProof proof;
    std::optional<Again> again;
    bool has_locks = false;
    PartWriter::Looks looks;
    looks.session = session;
    looks.inspector = [&](stream::Sink& next) {
        auto made = std::make_unique<archive::ContentsTap>(
            next, archive::ContentsOptions{.also = needs.options(), .keep_at_most = most_contents});
        tap = made.get();
        return made;
    };
    looks.first_bytes = [&]() -> Status {
        has_locks = true;
        auto now = look_again(tools, name, &TableFiles::read);
        if (!now) {
            return std::move(now).error();
        }
        if (now->rewritten_since(*before) == 0) {
            return done();
        }
        again = rewritten_again();
        return failed("tables were rewritten while the dump began");
    };
    looks.last_look = [&]() -> Status {
        auto now = look_again(tools, name, [&](Connection& connection) {
            return Unguarded::read(connection, tools.plan.exclude_table_data);
        });
        if (!now && now.error().kind == ErrorKind::interrupted) {
            return std::move(now).error();
        }
        if (!now) {  // no reason to throw a whole dump away
            tools.observer.warned(name, "whether a schema took the name of another while the dump ran is not known: " +
                                            whole_text(now.error()));
        }
        again = now ? changed_since(*unguarded, *now) : std::nullopt;
        if (again) {
            return failed(again->happened);
        }
        tap->reader().finish();
        if (auto whole = check_archive(tap->reader()); !whole) {
            return whole;
        }
        proof = proof::proof_of(name, std::move(tap->reader()));
        return done();
    };
    auto part = tools.writer.write(name, key, std::move(*program), looks);
    if (again) {
        return Attempt{{}, std::move(again)};
    }
    if (!part && !has_locks && was_dropped_under_way(part.error())) {
        return Attempt{{}, dropped_again(std::move(part).error())};
    }
    if (!part) {
        return std::move(part).error();
    }
    catalogue::DatabaseRecord record{name,
                                     std::move(part->objects),
                                     part->bytes_in,
                                     part->warnings,
                                     record_of(inspection.needs),
                                     records_of(inspection.omissions),
                                     record_of(proof::totals_of(proof))};
    return Attempt{DumpedDatabase{std::move(record), without_server_roles(needs.roles()), std::move(proof)}, {}};
}

Result<postgres::Inspection> inspect(const DumpTools& tools, Connection& inside) {
    auto inspection = postgres::inspect_database(inside, tools.in_recovery, tools.plan.exclude_table_data);
    if (!inspection) {
        return in_context("what the role can read could not be found out", std::move(inspection).error());
    }
    if (!inspection->gaps.empty()) {
        return postgres::gaps_error(inspection->gaps, inside.user());
    }
    return inspection;
}

void tell(const DumpTools& tools, const std::string& name, const postgres::Inspection& inspection) {
    if (const auto warning = inspection.locks.warning()) {
        tools.observer.warned(name, *warning);
    }
    tools.observer.part_estimated(name, inspection.table_bytes);
}

}  // namespace

Result<DumpedDatabase> dump_database(const DumpTools& tools, const std::string& name, const store::ObjectKey& key) {
    Error for_good;
    for (int tries = 0; tries < most_attempts; ++tries) {
        auto inside = connect_to(tools, name);
        if (!inside) {
            return std::move(inside).error();
        }
        // Each time: what took the last one away may have brought an extension.
        auto inspection = inspect(tools, *inside);
        if (!inspection) {
            return std::move(inspection).error();
        }
        if (tries == 0) {
            tell(tools, name, *inspection);
        }
        auto tried = attempt(tools, name, key, *inspection, std::move(*inside));
        if (!tried) {
            return std::move(tried).error();
        }
        if (tried->dumped) {
            return std::move(*tried->dumped);
        }
        tools.observer.warned(name, tried->again->happened);
        for_good = std::move(tried->again->for_good);
    }
    return for_good;
}

}  // namespace lifeboat::backup
