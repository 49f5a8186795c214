#include "catalogue/trust.hpp"
#include "format.hpp"
#include "store_rules.hpp"
#include "verbs.hpp"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;
using catalogue::Acceptance;
using catalogue::Backup;
using catalogue::State;

constexpr std::size_t longest_reason = 10'000;  // bytes

std::string user() {
    const ::passwd* const entry = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): no other thread asks
    return entry != nullptr ? entry->pw_name : "uid " + std::to_string(::geteuid());
}

std::string host() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "an unknown host";
}

Status check_words(const std::string& because) {
    if (because.find_first_not_of(" \t\r\n") == std::string::npos) {
        return Error{ErrorKind::usage, "--because is empty", "say why this backup is as it should be: it is kept"};
    }
    if (because.size() > longest_reason) {
        return Error{ErrorKind::usage, "--because is longer than " + std::to_string(longest_reason) + " bytes",
                     "say it shorter"};
    }
    return done();
}

// Only what could be the truth: whole, and marked.
Status check_state(const Backup& backup) {
    const auto& id = backup.manifest.id.text();
    switch (backup.state) {
        case State::marked: return done();
        case State::good:
            return Error{ErrorKind::usage, "backup " + id + " is not marked: there is nothing to accept",
                         "`lifeboat list` shows which are"};
        case State::partial:
            return Error{ErrorKind::refused, "backup " + id + " is partial: it has no place in the lineage",
                         "accept a whole one"};
        case State::hidden:
            return Error{ErrorKind::refused, "backup " + id + " is hidden: " + backup.tampering,
                         "accept a newer one that nobody meddled with"};
        case State::expired: break;
    }
    return Error{ErrorKind::refused, "backup " + id + " is expired: the store no longer has all of it",
                 "accept a newer one"};
}

Json json_of(const Acceptance& acceptance, bool before) {
    return {
        {"id", acceptance.id.text()},    {"accepted", os::utc_text(acceptance.accepted)}, {"by", acceptance.by},
        {"because", acceptance.because}, {"lost_databases", acceptance.lost_databases},   {"accepted_before", before}};
}

void tell(const Acceptance& acceptance, bool before, bool json) {
    if (json) {
        return print_line(json_of(acceptance, before).dump(2, ' ', false, Json::error_handler_t::replace));
    }
    const auto& id = acceptance.id.text();
    if (before) {
        return print_line(printable("backup " + id + " was accepted on " + os::utc_text(acceptance.accepted) + " by " +
                                    acceptance.by + ", because: " + acceptance.because));
    }
    print_line("backup " + id + " is accepted");
    for (const auto& name : acceptance.lost_databases) {
        print_line("  with the loss of database " + printable(name) +
                   ": its last archives are no longer kept for ever");
    }
}

// What is still in doubt after it.
void tell_of_the_rest(const config::Settings& settings, store::ObjectStore& store, const catalogue::Layout& layout) {
    const auto catalogue = read_catalogue_by_rules(settings, store, layout);
    if (catalogue && catalogue->doubt) {
        Session::note("note: backup " + catalogue->doubt->since.text() +
                      ", which came later, has a mark of its own: until it or a later one is accepted the lineage "
                      "stays in doubt");
    }
}

Error not_written(Error error) {
    if (error.kind == ErrorKind::failed || error.kind == ErrorKind::refused) {
        error.next = "use a key that may write into the store, such as the sidecar's own" +
                     (error.next.empty() ? "" : "; " + error.next);
    }
    return in_context("the acceptance cannot be stored", std::move(error));
}

Result<ExitCode> accept(Session& session, const std::string& id, const std::string& because) {
    if (auto checked = check_words(because); !checked) {
        return std::move(checked).error();
    }
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto opened = open_catalogue(loaded->settings, session.stop());
    if (!opened) {
        return std::move(opened).error();
    }
    auto chosen = choose_backup(opened->catalogue, {id, std::nullopt, true});
    if (!chosen) {
        return std::move(chosen).error();
    }
    const Backup& backup = **chosen;
    if (backup.accepted) {
        tell(*backup.accepted, true, session.flags.json);
        return ExitCode::done;
    }
    if (auto checked = check_state(backup); !checked) {
        return std::move(checked).error();
    }
    auto layout = catalogue::Layout::of(opened->catalogue.instance);
    if (!layout) {
        return std::move(layout).error();
    }
    const Acceptance acceptance{backup.manifest.id,
                                backup.stored,
                                std::chrono::system_clock::now(),
                                user() + "@" + host(),
                                because,
                                losses_of(opened->catalogue, backup),
                                catalogue::followed_by(backup.manifest)};
    auto stored = catalogue::store_acceptance(*opened->store, *layout, acceptance);
    if (!stored) {
        return not_written(std::move(stored).error());
    }
    if (stored->replaced) {
        Session::note("warning: what lay under its name in the store was no acceptance, and was replaced");
    }
    tell(acceptance, false, session.flags.json);
    tell_of_the_rest(loaded->settings, *opened->store, *layout);
    return ExitCode::done;
}

}  // namespace

void add_accept(CLI::App& app, Action& action) {
    auto& verb =
        add_verb(app, "accept", "The owner's word that a marked backup is the truth now",
                 "  lifeboat accept 20261122T021700Z-7f3a --because \"the old archive database was dropped\"\n"
                 "  lifeboat accept latest --because \"moved to a new server\"      the newest, marked or not\n"
                 "\n"
                 "It counts as good from then on, and so do those after it that only follow it; earlier marked\n"
                 "ones stay marked. It is recorded in the store and cannot be taken back. docs/lineage.md\n");
    const auto id = std::make_shared<std::string>();
    const auto because = std::make_shared<std::string>();
    add_id(verb, *id);
    verb.add_option("--because", *because, "Why it is as it should be, in your words")->type_name("TEXT")->required();
    verb.callback([&action, id, because] {
        action = [id, because](Session& session) { return accept(session, *id, *because); };
    });
}

}  // namespace lifeboat::cli
