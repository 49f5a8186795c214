// What came back, compared with what is in the backup.
#include "archive/sql_text.hpp"
#include "drill.hpp"
#include "globals.hpp"
#include "restored_entries.hpp"
#include "result/in_quotes.hpp"
#include "sql_checks.hpp"
#include "stream/sha256.hpp"

#include <iterator>

namespace lifeboat::drill {
namespace {

// For the second restore. Always the same, so that the next drill finds what one that was killed left on a server of
// --to; two never meet there, since one of them would find its database filled.
std::string second_name(const std::string& database) {
    constexpr std::size_t enough = 12;
    return "lifeboat-drill-" + stream::sha256_hex(database).substr(0, enough);
}

std::vector<std::string> only_in_first(const std::vector<std::string>& first, const std::vector<std::string>& second) {
    std::vector<std::string> rest;
    std::set_difference(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(rest));
    return rest;
}

}  // namespace

void Drill::note_what_was_not_restored(const ArchiveLook& archive, const std::string& database) {
    if (archive.replication() > 0) {
        report_.notes.push_back("database " + in_quotes(database) + ": " + "subscriptions and publications (" +
                                std::to_string(archive.replication()) +
                                " entries) were not restored, and are compared from the archive alone");
    }
}

// What came back against what the archive holds, and that against the proof that was made with the backup.
Status Drill::compare(const catalogue::DatabaseRecord& record, ArchiveLook& archive, ArchiveLook& after) {
    after.moved = [&](std::uint64_t bytes) { observer_.compared(record.name, bytes); };
    if (auto dumped = look_at_database(dumping(), record, after); !dumped) {
        if (auto blamed = blame_backup(record.name, dumped.error()); !blamed) {
            return blamed;
        }
        add("restore", record.name, "", "what came back cannot be dumped: " + whole_text(dumped.error()));
        return done();
    }
    auto held = std::move(archive).proof(record.name);
    auto came = std::move(after).proof(record.name);
    const auto* proven = proof_ ? proof_->find(record.name) : nullptr;
    if (proven != nullptr) {
        auto stored = *proven;
        if (!stored.not_proven.empty()) {
            report_.notes.push_back(
                "database " + in_quotes(record.name) +
                ": its own proof is not whole, so that it is compared with what its archive holds (" +
                stored.not_proven + ")");
            stored.not_proven.clear();
        }
        add(proof::differences(stored, *held, {"in the table proof", "in the archive", {}}));
    }
    const bool has_all_settings = settings_left_out_.of_databases.count(record.name) == 0;
    add(proof::differences(*held, *came, after_restore(*held, {same_major(), has_all_settings})));
    drilled(record.name).totals = proof::totals_of(*came);
    return done();
}

// PostgreSQL writes some expressions in another way once they were restored, and always in that way from then on. So
// the archive's own words are restored once more, without rows, into a database that nothing else happens to; what came
// back must be told in the same words as that.
Status Drill::compare_definitions(const catalogue::DatabaseRecord& record, ArchiveLook& archive,
                                  const ArchiveLook& after) {
    const std::string second = second_name(record.name);
    const auto& statements = archive.needs().database();
    const auto create = std::find_if(statements.begin(), statements.end(), [](const auto& statement) {
        return statement.kind == archive::DatabaseStatementKind::create;
    });
    if (create == statements.end()) {
        add("definition", record.name, "", "the archive does not say how to create its database");
        return done();
    }
    ArchiveLook again;
    auto compared = create_second(*create, second);
    if (compared) {
        compared = restore_again(record, archive, second, again);
    }
    if (compared && again.finished()) {
        compared = compare_restores(record, archive, after, again, second);
    }
    if (auto dropped = drop(second); !compared || !dropped) {
        return compared ? dropped : compared;
    }
    if (!again.finished()) {
        note_what_was_not_compared(record.name, archive, after);
    }
    const auto& held = archive.definitions();
    const auto& came = after.definitions();
    for (const auto& object : made_differently(held.of_large_objects(), came.of_large_objects())) {
        add("definition", record.name, object, object + ": not the same in the backup and after the restore");
    }
    // Whether it has settings and privileges of its own is a matter of its archive's list; what they are, of this one.
    if (same_major() && databases_before_.count(record.name) == 0) {
        const bool has_all_settings = settings_left_out_.of_databases.count(record.name) == 0;
        for (const auto& object : made_differently(held.of_database(), came.of_database())) {
            if (!has_all_settings && object.starts_with("DATABASE PROPERTIES ")) {
                continue;
            }
            add("definition", record.name, object, object + ": not the same in the backup and after the restore");
        }
    }
    return done();
}

// `again`: database `second`.
Status Drill::compare_restores(const catalogue::DatabaseRecord& record, const ArchiveLook& archive,
                               const ArchiveLook& after, const ArchiveLook& again, const std::string& second) {
    const auto& held = archive.definitions().inside();
    const auto& came = after.definitions().inside();
    const auto different = made_differently(again.definitions().inside(), came);
    if (auto named = name_definitions(record, different, second); !named) {
        return named;
    }
    // What came back and is not in the backup at all is told with the lists of entries.
    for (const auto& object :
         only_in_first(missing_in_second(came, again.definitions().inside()), missing_in_second(came, held))) {
        add("definition", record.name, object, object + ": not there after another restore, without rows");
    }
    if (auto others = only_in_first(made_differently(held, came), different); !others.empty()) {
        report_.respelled.push_back({record.name, std::move(others)});
    }
    return done();
}

// Without another restore, what is written as in the archive is the same; of the rest nobody can tell.
void Drill::note_what_was_not_compared(const std::string& database, const ArchiveLook& archive,
                                       const ArchiveLook& after) {
    constexpr std::size_t most = 20;
    const auto unlike = made_differently(archive.definitions().inside(), after.definitions().inside());
    if (unlike.empty()) {
        return;
    }
    std::string names;
    for (std::size_t i = 0; i < std::min(most, unlike.size()); ++i) {
        names += (i == 0 ? "" : ", ") + unlike[i];
    }
    report_.notes.push_back("database " + in_quotes(database) +
                            ": definitions that are not written as in the backup, " + std::to_string(unlike.size()) +
                            " of them, could not be compared (" + names + (unlike.size() > most ? ", …" : "") + ")");
}

Status Drill::create_second(const archive::DatabaseStatement& create, const std::string& name) {
    auto sql = archive::for_database(create, name);
    if (!sql) {
        return std::move(sql).error();
    }
    if (auto dropped = drop(name); !dropped) {
        return in_context("cannot drop what an earlier drill left under the name " + in_quotes(name),
                          std::move(dropped).error());
    }
    auto created = connection_->execute(*sql);
    return created ? done() : Status(in_context("cannot create a second database", std::move(created).error()));
}

// `again` is finished where it went well; where it is the backup's fault that it did not, that is a finding. Some words
// can make a database of one name only (pg_cron): those did so before, and that they cannot now is noted.
Status Drill::restore_again(const catalogue::DatabaseRecord& record, ArchiveLook& archive, const std::string& name,
                            ArchiveLook& again) {
    auto looked = restore_schema(dumping(), archive, name, superuser_);
    if (looked) {
        looked = set_as_restored(archive, name);
    }
    if (looked) {
        looked = look_at_schema(dumping(), record, name, again);
    }
    if (looked) {
        return looked;
    }
    if (auto blamed = blame_backup(record.name, looked.error()); !blamed) {
        return blamed;
    }
    if (any_name_will_do(looked.error())) {
        add("definition", record.name, "",
            "it cannot be restored again, without its rows, for the comparison of definitions: " +
                whole_text(looked.error()));
        return done();
    }
    report_.notes.push_back("database " + in_quotes(record.name) +
                            ": its definitions are compared with the archive's own words, as they cannot be restored "
                            "once more under another name: " +
                            whole_text(looked.error()));
    return done();
}

// Some of a database's settings change how definitions are written (lc_monetary, for one). What else its properties
// hold (that it is a template) is of no matter here.
Status Drill::set_as_restored(const ArchiveLook& archive, const std::string& name) {
    auto inside = postgres::Connection::open(target_, name, stop_);
    if (!inside) {
        return std::move(inside).error();
    }
    if (const auto& encoding = archive.needs().encoding(); !encoding.empty()) {
        if (auto set = inside->execute("SET client_encoding = '" + encoding + "'"); !set) {
            return set;
        }
    }
    for (const auto& statement : archive.needs().database()) {
        const bool setting = statement.kind == archive::DatabaseStatementKind::setting ||
                             statement.kind == archive::DatabaseStatementKind::role_setting;
        if (!setting || statement.text.find(" SET ", statement.name_at + statement.name_length) !=
                            statement.name_at + statement.name_length) {
            continue;
        }
        auto sql = archive::for_database(statement, name);
        // One that is refused was refused in the first restore, too.
        if (auto set = sql ? inside->execute(*sql) : done(); !set && set.error().kind != ErrorKind::failed) {
            return set;
        }
    }
    return done();
}

// Each is a finding, with where it is different.
Status Drill::name_definitions(const catalogue::DatabaseRecord& record, const std::vector<std::string>& objects,
                               const std::string& second) {
    if (objects.empty()) {
        return done();
    }
    const std::set<std::string> names(objects.begin(), objects.end());
    auto in_backup = texts_of(dumping(), record, second, names);
    if (!in_backup) {
        return std::move(in_backup).error();
    }
    auto restored = texts_of(dumping(), record, record.name, names);
    if (!restored) {
        return std::move(restored).error();
    }
    for (const auto& object : objects) {
        const auto where = what_differs((*in_backup)[object], (*restored)[object]);
        add("definition", record.name, object,
            object + ": not made as in the backup" + (where.empty() ? "" : " (" + where + ")"));
    }
    return done();
}

Status Drill::ask_checks(const std::string& database) {
    const auto wanted = std::any_of(plan_.checks.begin(), plan_.checks.end(),
                                    [&](const auto& check) { return check.database == database; });
    if (!wanted) {
        return done();
    }
    return stage("checks", database, [&]() -> Status {
        for (const auto& check : plan_.checks) {
            if (check.database != database) {
                continue;
            }
            auto outcome = ask(target_, check, stop_);
            if (!outcome) {
                return std::move(outcome).error();
            }
            report_.checks.push_back(std::move(*outcome));
        }
        return done();
    });
}

// A question about a database that the backup does not hold has its answer, too.
void Drill::ask_about_others() {
    for (const auto& check : plan_.checks) {
        if (manifest_.find(check.database) == nullptr) {
            report_.checks.push_back(
                {check.database, check.query, check.expect, {}, "the backup holds no such database", false});
        }
    }
}

// By a connection of its own, because the stop that ends a drill must not end the clean-up.
Status Drill::drop(const std::string& database) {
    auto connection = postgres::Connection::open(target_, std::nullopt, {});
    return connection ? connection->execute("DROP DATABASE IF EXISTS " + archive::quote_identifier(database) +
                                            (connection->major() >= 13 ? " WITH (FORCE)" : ""))
                      : Status(connection.error());
}

Status Drill::compare_globals() {
    auto script = dump_globals(dumping());
    if (!script) {
        if (auto well = server_is_well(script.error()); !well) {
            return well;
        }
        return in_context("the roles of the server that the backup was restored into", std::move(script).error());
    }
    auto statements = postgres::parse_globals(*script);
    if (!statements) {
        return std::move(statements).error();
    }
    GlobalsOptions options{there_before_, same_major(), settings_left_out_.of_roles};
    if (scratch_) {
        options.passed_over.insert(scratch_->login());
    } else if (const auto roles = postgres::created_roles(globals_); std::any_of(
                   roles.begin(), roles.end(), [this](const auto& role) { return there_before_.count(role); })) {
        report_.notes.emplace_back("roles that the server of --to had already were left as they are, and not compared");
    }
    for (auto& finding : globals_differences(globals_, *statements, options)) {
        report_.findings.push_back(std::move(finding));
    }
    return done();
}

}  // namespace lifeboat::drill
