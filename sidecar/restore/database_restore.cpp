#include "database_restore.hpp"

#include "archive/sql_text.hpp"
#include "stream/counter.hpp"
#include "stream/fd_sink.hpp"

#include <algorithm>

namespace lifeboat::restore {
namespace {

using archive::DatabaseStatement;
using archive::DatabaseStatementKind;

// Hands an archive to pg_restore, tells how far it has come, and gives up when asked to stop.
class Loading final : public stream::Sink {
public:
    Loading(stream::Sink& next, const DatabaseTools& tools, const std::string& name) : next_(next), tools_(tools), name_(name) {}

    Status write(stream::Bytes chunk) override {
        if (tools_.stop.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped", {}};
        }
        auto passed = next_.write(chunk);
        bytes_ += chunk.size();
        tools_.observer.part_moved(name_, bytes_);
        return passed;
    }
    Status finish() override { return next_.finish(); }

private:
    stream::Sink& next_;
    const DatabaseTools& tools_;
    const std::string& name_;
    std::uint64_t bytes_ = 0;
};

// Drops the database that this run made, unless its restore succeeded. A connection of its own: the stop that
// ended the restore must not end the clean-up.
class CreatedDatabase {
public:
    CreatedDatabase(const postgres::Server& target, std::string maintenance, std::string name)
        : target_(target), maintenance_(std::move(maintenance)), name_(std::move(name)) {}
    CreatedDatabase(const CreatedDatabase&) = delete;
    CreatedDatabase& operator=(const CreatedDatabase&) = delete;
    ~CreatedDatabase() {
        if (!created_ || kept_) {
            return;
        }
        if (auto connection = postgres::Connection::open(target_, maintenance_, {})) {
            (void)connection->execute("DROP DATABASE IF EXISTS " + archive::quote_identifier(name_));
        }
    }
    void created() { created_ = true; }
    void keep() { kept_ = true; }

private:
    const postgres::Server& target_;
    std::string maintenance_;
    std::string name_;
    bool created_ = false;
    bool kept_ = false;
};

Status create_database(const DatabaseTools& tools, const DatabaseTask& task) {
    const auto& statements = task.needs.database();
    const auto create = std::find_if(statements.begin(), statements.end(),
                                     [](const auto& statement) { return statement.kind == DatabaseStatementKind::create; });
    if (create == statements.end()) {
        return Error{ErrorKind::corrupt, "the archive does not say how to create its database", {}};
    }
    auto sql = archive::for_database(*create, task.new_name);
    if (!sql) {
        return std::move(sql).error();
    }
    if (auto created = tools.connection.execute(*sql); !created) {
        return in_context("cannot create the database", std::move(created).error());
    }
    return done();
}

Status give_owner(const DatabaseTools& tools, const DatabaseTask& task) {
    if (task.needs.database_owner().empty()) {
        return done();
    }
    return tools.connection.execute("ALTER DATABASE " + archive::quote_identifier(task.new_name) + " OWNER TO " +
                                    archive::quote_identifier(task.needs.database_owner()));
}

Status load(const DatabaseTools& tools, const DatabaseTask& task) {
    auto program = postgres::ClientProgram::start(tools.programs.pg_restore, {"--exit-on-error", "--no-password"},
                                                  postgres::ClientProgram::Streams::input, tools.connection, task.new_name);
    if (!program) {
        return std::move(program).error();
    }
    stream::FdSink input(program->input(), "pg_restore");
    Loading loading(input, tools, task.new_name);
    auto fed = read_stream(tools.source, task.record.objects, loading);
    // pg_restore stops reading when it fails; why is on its stderr. When the stream is bad, the end of its input
    // must not look like the end of the archive, so it is ended instead (by its destructor).
    const bool reader_gone = !fed && fed.error().kind == ErrorKind::interrupted && !tools.stop.stop_requested();
    if (!fed && !reader_gone) {
        return fed;
    }
    program->close_input();
    return program->wait();
}

// Settings bind new sessions, also those that load data, so they come after the load.
Status apply_properties(const DatabaseTools& tools, const DatabaseTask& task) {
    for (const DatabaseStatement& statement : task.needs.database()) {
        if (statement.kind == DatabaseStatementKind::create) {
            continue;
        }
        Result<std::string> sql = statement.kind == DatabaseStatementKind::session_authorization
                                      ? Result<std::string>(statement.text)
                                      : archive::for_database(statement, task.new_name);
        if (!sql) {
            tools.observer.noted("a property of database '" + task.record.name + "' is not of a known kind, and was not applied");
            continue;
        }
        if (auto applied = tools.connection.execute(*sql); !applied) {
            return in_context("cannot apply the database's settings and privileges", std::move(applied).error());
        }
    }
    return done();
}

Status analyse(const DatabaseTools& tools, const DatabaseTask& task) {
    auto inside = postgres::Connection::open(tools.target, task.new_name, tools.stop);
    if (!inside) {
        return std::move(inside).error();
    }
    return inside->execute("ANALYZE");
}

Status bring_back(const DatabaseTools& tools, const DatabaseTask& task, CreatedDatabase& guard) {
    if (task.before == DatabaseState::missing) {
        if (auto created = create_database(tools, task); !created) {
            return created;
        }
        guard.created();
    }
    for (const auto step : {give_owner, load, apply_properties, analyse}) {
        if (auto stepped = step(tools, task); !stepped) {
            return stepped;
        }
    }
    return done();
}

}  // namespace

Status restore_database(const DatabaseTools& tools, const DatabaseTask& task) {
    CreatedDatabase guard(tools.target, tools.connection.database(), task.new_name);
    auto restored = bring_back(tools, task, guard);
    if (restored) {
        guard.keep();
    }
    return restored;
}

}  // namespace lifeboat::restore
