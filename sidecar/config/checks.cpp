#include "checks.hpp"

#include "schedule/zone.hpp"

namespace lifeboat::config {
namespace {

using Findings = std::vector<Finding>;

// Only what the settings are to blame for: a verb that reads need not fail because its machine has no database.
void check_timezone_exists(const Schedule& schedule, const std::filesystem::path& zoneinfo, Findings& findings) {
    const auto zone = schedule::Zone::find(schedule.timezone, zoneinfo);
    if (!zone && zone.error().kind == ErrorKind::usage) {
        findings.push_back({"schedule.timezone", zone.error().what, zone.error().next});
    }
}

void check_one_way_of_encryption(const Encryption& encryption, Findings& findings) {
    if (encryption.mode == EncryptionMode::none && !encryption.recipients.empty()) {
        findings.push_back({"encryption.mode", "none contradicts the recipients that are given too",
                            "take mode away to encrypt, or the recipients to store in plain"});
    }
}

void check_store_key_is_whole(const Store& store, const Needs& needs, Findings& findings) {
    const bool on_s3 = store.url && store.url->kind == StoreUrl::Kind::s3;
    if (!needs.store || !on_s3 || store.access_key_id.has_value() == store.secret_access_key.has_value()) {
        return;
    }
    const bool id_missing = !store.access_key_id;
    findings.push_back(
        {id_missing ? "store.access_key_id" : "store.secret_access_key",
         std::string("is missing, though ") + (id_missing ? "secret_access_key" : "access_key_id") + " is there",
         "give both, best as files"});
}

void check_lock_is_possible(const Store& store, Findings& findings) {
    if (store.object_lock && store.url && store.url->kind == StoreUrl::Kind::folder) {
        findings.push_back({"store.object_lock", "a folder cannot lock what is in it",
                            R"(write object_lock = "none", or use a store on S3)"});
    }
}

void check_ports_differ(const Health& health, Findings& findings) {
    if (health.listen.port != 0 && health.listen.port == health.page.port) {
        findings.push_back(
            {"health.page", "has the same port as health.listen", "choose another port for one of them"});
    }
}

}  // namespace

std::vector<Finding> check_together(const Settings& settings, const Needs& needs,
                                    const std::filesystem::path& zoneinfo) {
    Findings findings;
    check_timezone_exists(settings.schedule, zoneinfo, findings);
    check_one_way_of_encryption(settings.encryption, findings);
    check_store_key_is_whole(settings.store, needs, findings);
    check_lock_is_possible(settings.store, findings);
    check_ports_differ(settings.health, findings);
    return findings;
}

}  // namespace lifeboat::config
