#include "faults.hpp"

#include "result/in_quotes.hpp"

#include <optional>
#include <string_view>

namespace lifeboat::drill {
namespace {

bool disk_is_full(const Error& error) {
    const std::string text = whole_text(error);
    return text.find("No space left on device") != std::string::npos ||
           text.find("Disk quota exceeded") != std::string::npos;
}

// An amount of money is written as the server's lc_monetary says, and one with another cannot read it.
bool is_of_other_money(const Error& error) {
    return whole_text(error).find("for type money") != std::string::npos;
}

// What the server has too little of, in its words: clients do not print SQLSTATE, whose class 53 it is.
std::optional<Error> short_of_something(const Error& error, bool own_server) {
    const std::string text = whole_text(error);
    const auto says = [&text](std::string_view words) { return text.find(words) != std::string::npos; };
    if (says("out of shared memory") || says("max_locks_per_transaction")) {
        return Error{ErrorKind::failed, "the server that the backup was restored into has too few locks",
                     own_server ? "give a server with --to that has a higher max_locks_per_transaction"
                                : "raise max_locks_per_transaction on the server of --to, and restart it",
                     text};
    }
    if (says("out of memory")) {
        return Error{ErrorKind::failed, "the server that the backup was restored into has too little memory",
                     own_server ? "drill where there is more memory, or give a server with --to"
                                : "give the server of --to more memory",
                     text};
    }
    return std::nullopt;
}

}  // namespace

bool says_nothing_of_backup(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::temporary:
        case ErrorKind::busy:
        case ErrorKind::usage:
        case ErrorKind::refused:
        case ErrorKind::interrupted: return true;
        case ErrorKind::failed:
        case ErrorKind::not_found:
        case ErrorKind::exists:
        case ErrorKind::corrupt: break;
    }
    return false;
}

Status server_is_well(const Error& error, postgres::ScratchServer* own) {
    if (auto short_of = short_of_something(error, own != nullptr)) {
        return *short_of;
    }
    if (disk_is_full(error)) {
        return Error{ErrorKind::failed, "the disk of the server that the backup was restored into is full",
                     own ? "set TMPDIR to a folder with more room, or give a server with --to"
                         : "give a server with more room with --to",
                     whole_text(error)};
    }
    if (is_of_other_money(error)) {
        return Error{ErrorKind::failed,
                     "the backup's server wrote money in another way (lc_monetary) than this server reads it",
                     "give a server with --to that has the same lc_monetary in its postgresql.conf", whole_text(error)};
    }
    if (own && !own->running()) {
        return Error{ErrorKind::failed, "the throw-away server ended by itself",
                     "see whether this machine has memory and room enough, or give a server with --to",
                     own->last_words()};
    }
    return done();
}

Status any_name_will_do(const Error& error) {
    if (whole_text(error).find("can only create extension in database") == std::string::npos) {
        return done();
    }
    return Error{
        ErrorKind::failed,
        "the backup has an extension that can be made in the database of one name only, and a restore first has "
        "another one",
        "make that database, empty, on a server whose settings name it (pg_cron: cron.database_name), and give "
        "that server with --to",
        whole_text(error)};
}

Status sessions_are_ours(const postgres::Server& server, const std::string& database, const Error& error,
                         const std::stop_token& stop) {
    if (whole_text(error).find("permission denied") == std::string::npos) {
        return done();
    }
    auto inside = postgres::Connection::open(server, database, stop);
    if (!inside) {
        return std::move(inside).error();
    }
    auto role = inside->value("SELECT CASE WHEN current_user <> session_user THEN current_user ELSE '' END");
    if (!role) {
        return std::move(role).error();
    }
    return role->empty() ? done()
                         : Status(Error{ErrorKind::failed,
                                        "a setting that came back with database " + in_quotes(database) +
                                            " has sessions there work as role " + in_quotes(*role) +
                                            ", who may not read all of it",
                                        "add options=-c%20role%3Dnone to the URI of --to", whole_text(error)});
}

}  // namespace lifeboat::drill
