#include "backup_plan.hpp"

#include "backup/sweep.hpp"
#include "config/live_secrets.hpp"
#include "config/overdue.hpp"
#include "prune_wishes.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

Result<std::vector<age::Recipient>> recipients_of(const config::Loaded& loaded) {
    std::vector<age::Recipient> recipients;
    for (const auto& text : loaded.settings.encryption.recipients) {
        auto recipient = age::Recipient::parse(text);
        if (!recipient) {
            const auto origin = loaded.origins.find("encryption.recipients");
            const std::string place = origin == loaded.origins.end() ? "" : origin->second.text() + ": ";
            return in_context(place + "encryption.recipients", std::move(recipient).error());
        }
        recipients.push_back(*recipient);
    }
    return recipients;
}

// From its file, if it came from one, as that is when a connection is opened.
std::shared_ptr<postgres::FollowedPassword> live_password(const config::Settings& settings) {
    if (!settings.postgres.password) {
        return nullptr;
    }
    const auto secrets = std::make_shared<config::LiveSecrets>(settings, std::vector<std::string>{"postgres.password"});
    return std::make_shared<postgres::FollowedPassword>([secrets] { return *secrets->current()->postgres.password; });
}

}  // namespace

postgres::Server server_of(const config::Settings& settings) {
    return {settings.postgres.uri, live_password(settings)};
}

Result<backup::BackupPlan> plan_of(const config::Loaded& loaded, std::chrono::milliseconds lock_wait) {
    auto recipients = recipients_of(loaded);
    if (!recipients) {
        return std::move(recipients).error();
    }
    const auto& settings = loaded.settings;
    const auto& postgres = settings.postgres;
    const auto& keep = settings.retention;
    backup::BackupPlan plan;
    plan.instance = settings.instance.name;
    plan.lifeboat_version = LIFEBOAT_VERSION;
    plan.server = server_of(settings);
    plan.databases = postgres.databases;
    plan.exclude = postgres.exclude;
    plan.exclude_table_data = postgres.exclude_table_data;
    plan.role = postgres.role == config::Role::any ? backup::Role::any : backup::Role::primary;
    plan.lock_timeout = postgres.lock_timeout;
    plan.lock_wait = lock_wait;
    plan.max_stall = postgres.max_stall;
    plan.yield_to_ddl = postgres.yield_to_ddl;
    plan.read_rate = postgres.read_rate;
    plan.dump_memory = postgres.dump_memory;
    plan.bin_dir = postgres.bin_dir;
    plan.compression_level = settings.compression.level;
    plan.recipients = std::move(*recipients);
    plan.retention = {keep.keep_days, keep.keep_last, keep.keep_weekly, keep.keep_monthly, keep.keep_yearly};
    plan.lineage = {settings.lineage.min_ratio};
    plan.overdue_after = config::overdue_after_of(settings, os::SystemClock().now());
    return plan;
}

std::string words_of(const backup::Yield& yield) {
    return (yield.database.empty() ? "the backup " : "the dump of database '" + yield.database + "' ") +
           postgres::in_words(yield.to);
}

void BackupLog::write(LogLevel level, const std::string& event, const EventLog::Fields& fields) {
    before_a_line();
    log_.write(level, event, fields);
}

void BackupLog::started(const catalogue::BackupId& id, const postgres::ServerFacts& server, std::size_t parts) {
    write(LogLevel::info, "backup_started", {{"id", id.text()}, {"server", server.version}, {"databases", parts - 1}});
}

void BackupLog::part_started(const std::string& part) {
    write(LogLevel::debug, "part_started", {{"part", part}});
}

void BackupLog::part_stored(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) {
    write(LogLevel::info, "part_stored", {{"part", part}, {"archive_bytes", bytes_in}, {"stored_bytes", bytes_out}});
}

void BackupLog::part_failed(const std::string& part, const Error& error) {
    write(LogLevel::error, "part_failed", {{"part", part}, {"error", whole_text(error)}, {"next", error.next}});
}

void BackupLog::warned(const std::string& part, const std::string& text) {
    write(LogLevel::warn, "warning", {{"part", part}, {"text", text}});
}

void BackupLog::marked(const catalogue::Mark& mark) {
    write(LogLevel::warn, "backup_marked", {{"kind", mark.kind}, {"reason", mark.reason}});
}

void BackupLog::store_asked_again(const Error& why, std::chrono::milliseconds pause) {
    write(LogLevel::warn, "store_asked_again", {{"error", whole_text(why)}, {"in_ms", pause.count()}});
}

// What earlier runs left, once it can no longer be written to. A backup that is stored stays a success whatever comes
// of it: the key may lack the right to list or to delete.
void sweep_leftovers(const config::Settings& settings, store::ObjectStore& store, EventLog& log) {
    const auto swept = backup::sweep(store, settings.instance.name, least_age(settings), os::SystemClock().now());
    if (!swept) {
        log.write(LogLevel::info, "sweep_not_possible",
                  {{"error", whole_text(swept.error())}, {"next", swept.error().next}});
        return;
    }
    if (swept->uploads + swept->objects > 0) {
        log.write(LogLevel::info, "leftovers_swept",
                  {{"unfinished_uploads", swept->uploads}, {"objects", swept->objects}, {"bytes", swept->bytes}});
    }
    if (swept->refused) {
        log.write(LogLevel::info, "leftovers_kept",
                  {{"error", whole_text(*swept->refused)},
                   {"next", swept->refused->next + "; or let the bucket's own rules do it (docs/stores.md)"}});
    }
}

}  // namespace lifeboat::cli
