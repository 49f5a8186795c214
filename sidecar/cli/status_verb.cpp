#include "ask_sidecar.hpp"
#include "expected.hpp"
#include "status_of.hpp"
#include "status_text.hpp"
#include "store_rules.hpp"
#include "survey.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;
using State = InstanceStatus::State;

// A sidecar in order answers within milliseconds.
constexpr std::chrono::seconds patience{5};

void print_json(const Json& json) {
    print_line(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

ExitCode show_one(const InstanceStatus& status, os::TimePoint now, bool json) {
    if (json) {
        print_json(status.document);
    } else {
        print(status_text(status, now));
    }
    return status.state == State::healthy ? ExitCode::done : ExitCode::unhealthy;
}

bool is_wrong(const InstanceStatus& status) {
    return status.state == State::unhealthy || status.state == State::absent;
}

// What is known to be wrong counts more than what is not known.
ExitCode verdict_on(const std::vector<InstanceStatus>& all) {
    if (std::any_of(all.begin(), all.end(), is_wrong)) {
        return ExitCode::unhealthy;
    }
    const auto good = [](const auto& status) { return status.state == State::healthy; };
    return std::all_of(all.begin(), all.end(), good) ? ExitCode::done : ExitCode::failed;
}

ExitCode show_all(const std::vector<InstanceStatus>& all, os::TimePoint now, bool json) {
    const auto verdict = verdict_on(all);
    if (json) {
        Json instances = Json::array();
        for (const auto& status : all) {
            instances.push_back(status.document);
        }
        print_json(
            {{"healthy", verdict == ExitCode::done}, {"now", os::utc_text(now)}, {"instances", std::move(instances)}});
    } else {
        print(status_table(all, now));
    }
    return verdict;
}

// ---- the store alone ----

health::ExpiryFacts expiry_of(const StoreRules& rules, const config::Settings& settings,
                              const catalogue::Catalogue& catalogue, os::TimePoint now) {
    auto facts = survey_of(catalogue, now);
    take_rules(facts, rules, settings, catalogue);
    return facts.expiry;
}

Result<ExitCode> from_store(const config::Settings& settings, Session& session) {
    auto store = open_store(settings, session.stop());
    if (!store) {
        return std::move(store).error();
    }
    auto layout = choose_instance(settings, **store);
    if (!layout) {
        Error error = std::move(layout).error();
        error.next += error.kind == ErrorKind::usage ? ", or see all with --all" : "";
        return error;
    }
    const auto rules = read_rules(settings, **store, *layout);
    auto catalogue = catalogue::read_catalogue(**store, *layout, rules.age_limit());
    if (!catalogue) {
        return std::move(catalogue).error();
    }
    if (auto known = check_instance(*catalogue, **store); !known) {
        return std::move(known).error();
    }
    const auto now = os::SystemClock().now();
    catalogue::rank_by_age(*catalogue, now);
    return show_one(status_of(*catalogue, settings.health.overdue_after, now, settings.drill.require_within,
                              expiry_of(rules, settings, *catalogue, now)),
                    now, session.flags.json);
}

bool holds_nothing(const catalogue::Catalogue& catalogue) {
    return catalogue.backups.empty() && catalogue.leftovers.empty() && catalogue.refused.empty();
}

// One that cannot be looked at must not keep the others from being told of.
Result<InstanceStatus> look_at(store::ObjectStore& store, const catalogue::Layout& layout,
                               const config::Settings& settings) {
    const auto rules = read_rules(settings, store, layout);
    auto catalogue = catalogue::read_catalogue(store, layout, rules.age_limit());
    const auto now = os::SystemClock().now();
    if (!catalogue) {
        if (catalogue.error().kind == ErrorKind::interrupted) {
            return std::move(catalogue).error();
        }
        return unknown_status(layout.instance(), catalogue.error(), now);
    }
    catalogue::rank_by_age(*catalogue, now);
    return holds_nothing(*catalogue)
               ? absent_status(layout.instance(), store.location(), now)
               : status_of(*catalogue, settings.health.overdue_after, now, settings.drill.require_within,
                           expiry_of(rules, settings, *catalogue, now));
}

struct Which {
    bool all = false;
    std::optional<std::string> expected_file;
};

// The expected ones first, in their order; then, if all are wanted, the others that the store holds.
Result<std::vector<catalogue::Layout>> instances_of(const Which& which, store::ObjectStore& store) {
    std::vector<catalogue::Layout> wanted;
    if (which.expected_file) {
        auto expected = read_expected(*which.expected_file);
        if (!expected) {
            return std::move(expected).error();
        }
        wanted = *std::move(expected);
    }
    if (!which.all) {
        return wanted;
    }
    auto found = catalogue::list_instances(store);
    if (!found) {
        return std::move(found).error();
    }
    for (auto& layout : *found) {
        const auto same = [&](const auto& one) { return one.instance() == layout.instance(); };
        if (std::none_of(wanted.begin(), wanted.end(), same)) {
            wanted.push_back(std::move(layout));
        }
    }
    if (wanted.empty()) {
        return Error{ErrorKind::not_found, "there are no backups at " + store.location(), "check --store"};
    }
    return wanted;
}

Result<ExitCode> of_several(Session& session, const Which& which) {
    if (session.flags.instance) {
        return Error{ErrorKind::usage, "--instance names one instance, and --all and --expect ask for several",
                     "leave one of them out"};
    }
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto store = open_store(loaded->settings, session.stop());
    if (!store) {
        return std::move(store).error();
    }
    auto instances = instances_of(which, **store);
    if (!instances) {
        return std::move(instances).error();
    }
    std::vector<InstanceStatus> all;
    for (const auto& layout : *instances) {
        auto status = look_at(**store, layout, loaded->settings);
        if (!status) {
            return std::move(status).error();
        }
        all.push_back(std::move(*status));
    }
    return show_all(all, os::SystemClock().now(), session.flags.json);
}

// ---- one instance: from the sidecar if one answers, else from the store ----

// The store is named on the command line: whoever does that means it.
bool asks_the_store(const GlobalFlags& flags) {
    return flags.store || flags.endpoint || flags.region;
}

Result<ExitCode> of_one(Session& session) {
    std::optional<Error> silent;
    if (!asks_the_store(session.flags)) {
        auto answer = ask_sidecar(session, control::Request::status, patience);
        if (answer) {
            auto status = status_from_sidecar(*answer);
            return status ? Result(show_one(*status, os::SystemClock().now(), session.flags.json))
                          : std::move(status).error();
        }
        silent = std::move(answer).error();
        if (silent->kind == ErrorKind::usage || silent->kind == ErrorKind::interrupted) {
            return *std::move(silent);
        }
    }
    auto loaded = session.load({.store = true});
    if (!loaded) {
        Error error = std::move(loaded).error();
        return silent ? in_context(silent->what + ", and the store cannot be asked instead", std::move(error)) : error;
    }
    if (silent && silent->kind != ErrorKind::not_found) {
        Session::note("warning: " + silent->what + "; what follows is from the store alone");
    }
    return from_store(loaded->settings, session);
}

}  // namespace

void add_status(CLI::App& app, Action& action) {
    auto& verb = add_verb(
        app, "status", "Is this instance safe?",
        "  lifeboat status\n"
        "  kubectl exec basketball-api-0 -c lifeboat -- lifeboat status\n"
        "  lifeboat status --store s3://pal-e-backups/postgres --endpoint https://s3.us-west-004.backblazeb2.com \\\n"
        "      --instance basketball-api --json\n"
        "  lifeboat status --all --store file:///srv/backups\n"
        "  lifeboat status --expect instances.txt\n"
        "\n"
        "The running sidecar answers where there is one; with --store, --all or --expect, and where no sidecar runs,\n"
        "the store alone does: then no settings file is needed, and the last good backup's own word counts for when\n"
        "the next is overdue.\n"
        "Exit codes: 0 all is well, 3 something is wrong or an expected instance is absent, 1 it cannot be told (the\n"
        "store cannot be reached), 4 the store holds nothing of --instance but of others, or is not there.\n");
    const auto which = std::make_shared<Which>();
    verb.add_flag("--all", which->all, "Every instance under the store's prefix, a line each");
    verb.add_option("--expect", which->expected_file,
                    "The instances that must be there and in order, one a line, # for comments; - is standard input")
        ->type_name("FILE");
    verb.callback([&action, which] {
        action = [which](Session& session) {
            return which->all || which->expected_file ? of_several(session, *which) : of_one(session);
        };
    });
}

}  // namespace lifeboat::cli
