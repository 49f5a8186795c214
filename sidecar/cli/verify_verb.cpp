#include "restore/verify_job.hpp"

#include "format.hpp"
#include "progress.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

void print_json(const catalogue::Manifest& manifest, const restore::VerifyReport& report) {
    Json parts = Json::array();
    for (const auto& part : report.parts) {
        Json entry = {{"part", part.part}, {"bytes", part.stored_bytes}, {"good", part.outcome.ok()}};
        if (!part.outcome) {
            entry["error"] = part.outcome.error().what;
        }
        parts.push_back(std::move(entry));
    }
    print_line(Json{
        {"id", manifest.id.text()}, {"good", report.good()}, {"opened", report.opened}, {"parts", std::move(parts)}}
                   .dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_words(const catalogue::Manifest& manifest, const restore::VerifyReport& report) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& part : report.parts) {
        rows.push_back({part.outcome ? "good" : "BAD", part.part, human_bytes(part.stored_bytes),
                        part.outcome ? "" : part.outcome.error().what});
    }
    print(table({"", "PART", "STORED", ""}, rows));
    std::string verdict = "backup " + manifest.id.text() + (report.good() ? " is as it was written" : " is DAMAGED");
    verdict += manifest.failures.empty() ? "" : ", and only PARTIAL: some databases of its run failed";
    if (report.good()) {
        verdict += report.opened ? "; every stream was opened to its end"
                                 : "; only sizes and hashes were checked: give -i to open it too";
    }
    print_line(verdict);
}

// What a reading that was not finished says about the backup: nothing.
std::optional<Error> could_not_look(const restore::VerifyReport& report) {
    for (const auto& part : report.parts) {
        if (part.outcome) {
            continue;
        }
        const auto kind = part.outcome.error().kind;
        if (!part.looked || kind == ErrorKind::interrupted || kind == ErrorKind::usage ||
            kind == ErrorKind::temporary) {
            return in_context(part.part, part.outcome.error());
        }
    }
    return std::nullopt;
}

std::uint64_t stored_bytes(const catalogue::Manifest& manifest, const std::string& part) {
    const auto* database = manifest.find(part);
    const bool is_proof = database == nullptr && part == "table proof" && manifest.proof;
    const auto& others = is_proof ? manifest.proof->objects : manifest.globals;
    std::uint64_t sum = 0;
    for (const auto& object : database != nullptr ? database->objects : others) {
        sum += object.size;
    }
    return sum;
}

restore::VerifyReport verify_watched(const restore::Source& source, const catalogue::Manifest& manifest,
                                     const std::stop_token& stop) {
    Progress progress([](const std::string& text) { Session::note(text); });
    std::string current;
    const auto show = [&](const std::string& part, std::uint64_t fetched, std::optional<std::uint64_t> plain) {
        if (part != current) {
            current = part;
            progress.start(part);
        }
        progress.update({fetched, plain, stored_bytes(manifest, part)});
    };
    return restore::verify(source, manifest, show, stop);
}

Result<ExitCode> verify(Session& session, const std::string& id) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto opened = open_catalogue(loaded->settings, session.stop());
    if (!opened) {
        return std::move(opened).error();
    }
    auto backup = choose_backup(opened->catalogue, {id});
    if (!backup) {
        return std::move(backup).error();
    }
    auto identities = session.read_identities(loaded->settings);
    if (!identities) {
        return std::move(identities).error();
    }
    const auto& manifest = (*backup)->manifest;
    const auto report = verify_watched({*opened->store, manifest.encrypted(), *identities}, manifest, session.stop());
    if (auto error = could_not_look(report)) {
        return *error;
    }
    if (session.flags.json) {
        print_json(manifest, report);
    } else {
        print_words(manifest, report);
    }
    return report.good() ? ExitCode::done : ExitCode::unhealthy;
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "verify", "Read a backup back and check every byte; restores nothing",
                          "  lifeboat verify latest                 sizes and hashes, without any key\n"
                          "  lifeboat verify latest -i key.txt      also decrypts and decompresses everything\n");
    const auto id = std::make_shared<std::string>();
    add_id(verb, *id);
    verb.callback([&action, id] { action = [id](Session& session) { return verify(session, *id); }; });
}

}  // namespace lifeboat::cli
