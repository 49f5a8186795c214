#include "progress.hpp"
#include "restore/incoming_stream.hpp"
#include "stream/fd_sink.hpp"
#include "verbs.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <numeric>

namespace lifeboat::cli {
namespace {

struct CatFlags {
    std::string id;
    std::string database;
    bool globals = false;
};

// Tells how far the stream has come, and ends it when asked to stop.
class Watched final : public stream::Sink {
public:
    Watched(stream::Sink& next, std::stop_token stop, Progress& progress, std::uint64_t total)
        : next_(next), stop_(std::move(stop)), progress_(progress), total_(total) {}
    [[nodiscard]] std::atomic<std::uint64_t>* fetched_bytes() { return &fetched_; }
    Status write(stream::Bytes chunk) override {
        if (stop_.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped", {}};
        }
        auto passed = next_.write(chunk);
        bytes_ += chunk.size();
        progress_.update({fetched_.load(std::memory_order_relaxed), bytes_, total_});
        return passed;
    }
    Status finish() override { return next_.finish(); }

private:
    stream::Sink& next_;
    std::stop_token stop_;
    Progress& progress_;
    std::uint64_t total_;
    std::atomic<std::uint64_t> fetched_{0};
    std::uint64_t bytes_ = 0;
};

// As other tools in a pipe: whoever reads has had enough, and there is nothing to say.
[[noreturn]] void end_like_a_filter() {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    std::_Exit(128 + SIGPIPE);
}

Result<std::vector<store::StoredObject>> objects_of(const catalogue::Manifest& manifest, const CatFlags& flags) {
    const auto* database = flags.globals ? nullptr : manifest.find(flags.database);
    if (flags.globals ? manifest.globals.empty() : database == nullptr) {
        return Error{ErrorKind::not_found,
                     "backup " + manifest.id.text() + " has no " +
                         (flags.globals ? "globals" : "database '" + flags.database + "'"),
                     "`lifeboat show " + manifest.id.text() + "` names what it has"};
    }
    return flags.globals ? manifest.globals : database->objects;
}

Result<ExitCode> cat(Session& session, const CatFlags& flags) {
    if (flags.database.empty() != flags.globals) {
        return Error{ErrorKind::usage, "cat wants either a database or --globals", "lifeboat cat ID DATABASE"};
    }
    if (is_terminal(STDOUT_FILENO) && !flags.globals) {
        return Error{ErrorKind::usage, "an archive is nothing for a terminal",
                     "send it to a file or a pipe: lifeboat cat … > app.dump"};
    }
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto opened = open_catalogue(loaded->settings, session.stop());
    if (!opened) {
        return std::move(opened).error();
    }
    const auto database = flags.globals ? std::nullopt : std::optional(flags.database);
    auto backup = choose_backup(opened->catalogue, {flags.id, database});
    if (!backup) {
        return std::move(backup).error();
    }
    const auto& manifest = (*backup)->manifest;
    auto objects = objects_of(manifest, flags);
    auto identities = session.read_identities(loaded->settings);
    if (!objects || !identities) {
        return !objects ? std::move(objects).error() : std::move(identities).error();
    }
    if (auto required = require_identity(manifest, *identities); !required) {
        return std::move(required).error();
    }
    Progress progress([](const std::string& text) { Session::note(text); });
    progress.start(flags.globals ? "globals" : flags.database);
    stream::FdSink out(STDOUT_FILENO, "standard output");
    const auto stored = std::accumulate(objects->begin(), objects->end(), std::uint64_t{0},
                                        [](std::uint64_t sum, const auto& object) { return sum + object.size; });
    Watched watched(out, session.stop(), progress, stored);
    auto read = restore::read_stream({*opened->store, manifest.encrypted(), *identities, watched.fetched_bytes()},
                                     *objects, watched);
    progress.clear();
    if (!read) {
        if (read.error().kind == ErrorKind::interrupted && !session.signal()) {
            end_like_a_filter();
        }
        return std::move(read).error();
    }
    return ExitCode::done;
}

}  // namespace

void add_cat(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "cat", "The plain archive of one database, on standard output",
                          "  lifeboat cat latest app -i key.txt | pg_restore --list\n"
                          "  lifeboat cat 2026-11-22 app -i key.txt > app.dump\n"
                          "  lifeboat cat latest --globals -i key.txt\n");
    const auto flags = std::make_shared<CatFlags>();
    add_id(verb, flags->id);
    verb.add_option("DATABASE", flags->database, "Which database's archive");
    verb.add_flag("--globals", flags->globals, "The SQL of roles, memberships and tablespaces instead");
    verb.callback([&action, flags] { action = [flags](Session& session) { return cat(session, *flags); }; });
}

}  // namespace lifeboat::cli
