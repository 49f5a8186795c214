#include "rehearsal.hpp"

#include "archive/sql_text.hpp"
#include "globals_restore.hpp"
#include "os/memory_file.hpp"
#include "postgres/diagnostics.hpp"
#include "postgres/next_step.hpp"
#include "stream/fd_sink.hpp"

#include <unistd.h>
#include <span>

namespace lifeboat::restore {
namespace {

using archive::SqlStatement;
using archive::SqlToken;
using archive::SqlTokenKind;
using postgres::ClientProgram;

constexpr std::size_t largest_script = std::size_t{64} << 20U;

// Somebody may hold a lock in the empty database; a rehearsal does not wait for long.
constexpr const char* prepare = "SET default_transaction_read_only = off; SET lock_timeout = '10s'";

// Nothing stays, whatever happens in between: the end of the connection would roll back, too.
class RolledBack {
public:
    explicit RolledBack(postgres::Connection& connection) : connection_(connection) {}
    RolledBack(const RolledBack&) = delete;
    RolledBack& operator=(const RolledBack&) = delete;
    ~RolledBack() { (void)connection_.execute("ROLLBACK"); }

private:
    postgres::Connection& connection_;
};

// Refused by the server, rather than not tried.
bool is_refusal(const Error& error) {
    return error.kind == ErrorKind::failed;
}

std::string cure_of(const Error& error) {
    return error.next.empty() ? postgres::next_step("pg_restore", whole_text(error)) : error.next;
}

bool is_word(const SqlToken& token, std::string_view lower) {
    return token.kind == SqlTokenKind::word && archive::identifier(token) == lower;
}

// How a statement goes on behind a semicolon: in the parentheses of a rule's actions, and in the body of a function
// that is written in SQL (BEGIN ATOMIC … END).
class Nesting {
public:
    void take(const SqlStatement& piece) {
        const auto& tokens = piece.tokens;
        if (in_body_ && tokens.size() == 1 && is_word(tokens.front(), "end")) {
            in_body_ = false;
        }
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            depth_ += tokens[i].text == "(" ? 1 : tokens[i].text == ")" ? -1 : 0;
            in_body_ = in_body_ || (i > 0 && is_word(tokens[i - 1], "begin") && is_word(tokens[i], "atomic"));
        }
    }
    [[nodiscard]] bool inside() const { return in_body_ || depth_ > 0; }

private:
    int depth_ = 0;
    bool in_body_ = false;
};

// The statements of a script of pg_restore's, whole. Psql's commands (\restrict) are left out: none of them is SQL.
Result<std::vector<std::string_view>> statements_of(std::string_view script) {
    const auto pieces = archive::split_statements(script);
    if (!pieces) {
        return pieces.error();
    }
    std::vector<std::string_view> whole;
    const char* from = nullptr;
    Nesting nesting;
    for (const auto& piece : *pieces) {
        if (piece.is_psql_command()) {
            continue;
        }
        from = from == nullptr ? piece.text.data() : from;
        nesting.take(piece);
        if (!nesting.inside()) {
            whole.emplace_back(from, static_cast<std::size_t>(piece.text.data() + piece.text.size() - from));
            from = nullptr;
        }
    }
    return whole;
}

// What pg_restore would run but for the rows. It reads no further than it needs.
Result<std::string> script_of(const RestoreTools& tools, const DatabaseTask& task) {
    auto superuser = tools.connection.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    if (!superuser) {
        return std::move(superuser).error();
    }
    auto left_out = task.head.running_code;
    if (*superuser != "t") {
        left_out.insert(task.head.superuser_only.begin(), task.head.superuser_only.end());
    }
    auto entries = entry_list(task.head, left_out);
    auto script = os::memory_file("script", Secret());
    if (!entries || !script) {
        return !entries ? std::move(entries).error() : std::move(script).error();
    }
    auto arguments = flags_of(tools.plan);
    arguments.insert(arguments.end(),
                     {"--schema-only", "--no-tablespaces", "--use-list=" + os::memory_file_path(entries->get()),
                      "--file=" + os::memory_file_path(script->get())});
    auto program = ClientProgram::start(
        tools.programs.pg_restore, std::move(arguments), ClientProgram::Streams::input, tools.connection, task.new_name,
        {.inherited = {entries->get(), script->get()}, .server = ClientProgram::Server::stays_away});
    if (!program) {
        return std::move(program).error();
    }
    const std::stop_callback end(tools.stop, [&program] { program->end(); });
    stream::FdSink input(program->input(), "pg_restore");
    auto fed = read_stream(tools.source, task.record.objects, input);
    const bool had_enough = !fed && fed.error().kind == ErrorKind::interrupted && !tools.stop.stop_requested();
    if (!fed && !had_enough) {
        return std::move(fed).error();
    }
    program->close_input();
    if (auto ended = program->wait(tools.stop); !ended) {
        return std::move(ended).error();
    }
    if (::lseek(script->get(), 0, SEEK_SET) != 0) {
        return failed("cannot rewind the archive's definitions");
    }
    return os::read_all(script->get(), "the archive's definitions", largest_script);
}

Obstacle obstacle(const DatabaseTask& task, const Error& error, const std::string& where) {
    return "a way to load database '" + task.record.name + "' into '" + task.new_name +
           "': " + (error.detail.empty() ? error.what : error.detail) + where + ": " + cure_of(error);
}

// Several jobs take no single transaction, and so never as many locks at once as this.
bool only_too_many_locks(const RestorePlan& plan, const Error& error) {
    return plan.jobs > 1 && error.next.find("max_locks_per_transaction") != std::string::npos;
}

Result<Obstacle> roles_obstacle(const RestorePlan& plan, Error error) {
    if (!is_refusal(error)) {
        return error;
    }
    return Obstacle("a way to bring back the roles: " + whole_text(error) +
                    (plan.for_drill ? "" : ": restore with --no-globals, with the roles made by hand"));
}

Result<Obstacle> run_script(const RestoreTools& tools, const DatabaseTask& task, postgres::Connection& inside,
                            std::string_view script) {
    const auto statements = statements_of(script);
    if (!statements) {
        return statements.error();
    }
    for (const auto& statement : *statements) {
        auto ran = inside.execute(std::string(statement));
        if (ran) {
            continue;
        }
        if (!is_refusal(ran.error())) {
            return std::move(ran).error();
        }
        if (only_too_many_locks(tools.plan, ran.error())) {
            tools.observer.noted("the load of '" + task.new_name +
                                 "' could not be rehearsed as a whole: the server has too few locks for that");
            return Obstacle{};
        }
        const auto line = statement.substr(0, statement.find('\n'));
        return obstacle(task, ran.error(), " (" + postgres::fit_for_logs("Command was: " + std::string(line)) + ")");
    }
    return Obstacle{};
}

Result<Obstacle> run_all(const RestoreTools& tools, const DatabaseTask& task, postgres::Connection& inside,
                         const std::vector<postgres::GlobalStatement>& globals, std::string_view script) {
    if (tools.plan.globals) {
        Quiet quiet;  // of the roles was told already
        if (auto tried = try_roles(inside, globals, tools.plan.alter_roles, quiet); !tried) {
            return roles_obstacle(tools.plan, std::move(tried).error());
        }
    }
    auto run = run_script(tools, task, inside, script);
    if (!run || *run) {
        return run;
    }
    // The script leaves its own session settings, and the role that --role names.
    if (auto reset = inside.execute("RESET ROLE; SET search_path = pg_catalog"); !reset) {
        return std::move(reset).error();
    }
    auto applied = apply_properties(inside, tools.plan, task.head, task.new_name, task.new_name, tools.observer);
    if (applied) {
        return Obstacle{};
    }
    return is_refusal(applied.error()) ? Result<Obstacle>(obstacle(task, applied.error(), ""))
                                       : Result<Obstacle>(std::move(applied).error());
}

}  // namespace

Result<Obstacle> rehearse_roles(const RestorePlan& plan, postgres::Connection& connection,
                                const std::vector<postgres::GlobalStatement>& globals, RestoreObserver& observer) {
    if (auto begun = connection.execute("BEGIN"); !begun) {
        return std::move(begun).error();
    }
    auto tried = try_roles(connection, globals, plan.alter_roles, observer);
    if (auto back = connection.execute("ROLLBACK"); !back) {
        return std::move(back).error();
    }
    return tried ? Result<Obstacle>(Obstacle{}) : roles_obstacle(plan, std::move(tried).error());
}

Result<Obstacle> rehearse_load(const RestoreTools& tools, const DatabaseTask& task,
                               const std::vector<postgres::GlobalStatement>& globals) {
    auto old = sessions_of_old_loads(tools.connection, task.new_name);
    if (!old) {
        return std::move(old).error();
    }
    if (*old > 0) {
        tools.observer.noted("an earlier restore's session is still at work in '" + task.new_name +
                             "', which a restore ends first: its load is not rehearsed");
        return Obstacle{};
    }
    auto script = script_of(tools, task);
    if (!script && script.error().what.find("is larger than") != std::string::npos) {
        tools.observer.noted("the definitions of '" + task.record.name + "' are too large to be rehearsed");
        return Obstacle{};
    }
    if (!script) {
        return in_context("database '" + task.record.name + "'", std::move(script).error());
    }
    auto inside = postgres::Connection::open(tools.plan.target, task.new_name, tools.stop);
    if (!inside) {
        return std::move(inside).error();
    }
    // Apart: statements that are sent together are one transaction, which would have begun as read-only.
    for (const char* sql : {prepare, "BEGIN"}) {
        if (auto ran = inside->execute(sql); !ran) {
            return std::move(ran).error();
        }
    }
    const RolledBack nothing_stays(*inside);
    return run_all(tools, task, *inside, globals, *script);
}

}  // namespace lifeboat::restore
