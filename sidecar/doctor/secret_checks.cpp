#include "doctor/secret_checks.hpp"

#include "restore/incoming_stream.hpp"
#include "stream/counter.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <set>

namespace lifeboat::doctor {
namespace {

constexpr mode_t others_write = S_IWGRP | S_IWOTH;
constexpr mode_t others_read = S_IROTH;

// Kubernetes mounts secrets by a link named ..data, on a file system of their own in the pod: their mode says who of
// the pod may read them, and other containers do not see them.
bool is_mounted_by_kubernetes(const std::filesystem::path& path) {
    std::error_code error;
    const auto data = path.parent_path() / "..data";
    return std::filesystem::is_symlink(data, error);
}

Finding check_file(const std::string& key, const std::filesystem::path& path) {
    const std::string check = "secret " + key;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return failed(check, path.string() + " cannot be looked at",
                      "mount the secret, readable for the user that Lifeboat runs as");
    }
    if ((status.st_mode & others_write) != 0 && !is_mounted_by_kubernetes(path)) {
        return warned(check, path.string() + " can be written by others than its owner", "chmod 600 " + path.string());
    }
    if ((status.st_mode & others_read) != 0 && !is_mounted_by_kubernetes(path)) {
        return warned(check, path.string() + " can be read by everybody on this machine", "chmod 600 " + path.string());
    }
    return passed(check, path.string());
}

std::string names_of(const catalogue::Manifest& manifest) {
    std::string names;
    for (const auto& recipient : manifest.recipients) {
        names += (names.empty() ? "" : " or ") + recipient;
    }
    return names;
}

}  // namespace

Findings check_secret_files(const std::map<std::string, std::filesystem::path, std::less<>>& files) {
    Findings findings;
    for (const auto& [key, path] : files) {
        findings.push_back(check_file(key, path));
    }
    return findings;
}

Finding unread_identity(const Error& why) {
    Finding finding = warned(
        "secret encryption.identity_file",
        "backups need no identity; the one that the settings name could not be read: " + why.what,
        "take encryption.identity_file out of the settings" + (why.next.empty() ? std::string() : ", or " + why.next));
    finding.detail = why.detail;
    return finding;
}

Findings check_recipients(const std::vector<std::string>& recipients, bool encrypted) {
    const std::string check = "recipients";
    if (!encrypted) {
        return {warned(check, "encryption.mode is \"none\": whoever reads the store reads every row",
                       "set encryption.recipients; `lifeboat keygen` makes a key")};
    }
    for (const auto& text : recipients) {
        if (auto parsed = age::Recipient::parse(text); !parsed) {
            return {failed(check, parsed.error())};
        }
    }
    const std::set<std::string> different(recipients.begin(), recipients.end());
    if (different.size() == 1) {
        return {warned(check, "one alone: if its key is lost, so is every backup",
                       "add a second one whose key is kept offline: `lifeboat keygen`")};
    }
    return {passed(check, std::to_string(different.size()) + " recipients, each can open every backup")};
}

Findings check_identities(store::ObjectStore& store, const catalogue::Catalogue* catalogue,
                          const std::vector<age::Identity>& identities) {
    const std::string check = "key";
    if (identities.empty()) {
        return {unknown(check, "whether anybody still has a key that opens the backups was not tried",
                        "run doctor off the cluster with -i FILE")};
    }
    if (catalogue == nullptr) {
        return {unknown(check, "the backups could not be read, so that the key was not tried",
                        "see the lines on store, list and read")};
    }
    const auto& backups = catalogue->backups;
    const auto newest = std::find_if(backups.rbegin(), backups.rend(), [](const auto& backup) {
        return backup.state == catalogue::State::good && backup.manifest.encrypted() == catalogue::Encrypted::yes;
    });
    if (newest == backups.rend()) {
        return {unknown(check, "there is no good encrypted backup to try it on")};
    }
    const auto& manifest = newest->manifest;
    const restore::Source source{store, catalogue::Encrypted::yes, identities};
    stream::Discard discard;
    const auto& objects = manifest.proof ? manifest.proof->objects : manifest.globals;
    if (auto opened = restore::read_stream(source, objects, discard); !opened) {
        Finding finding = failed(check, opened.error());
        finding.text = "it does not open backup " + manifest.id.text() + ": " + finding.text;
        finding.cure = "find the key that belongs to " + names_of(manifest);
        return {finding};
    }
    return {passed(check, "opens the newest backup, " + manifest.id.text())};
}

Findings check_token(const std::filesystem::path& token, bool wanted) {
    std::error_code error;
    const bool there = std::filesystem::exists(token, error);
    if (!there) {
        return {wanted ? failed("token", "no service account's token is mounted, and reporting to Kubernetes needs one",
                                "mount a projected token: docs/kubernetes.md")
                       : passed("token", "no service account's token is mounted")};
    }
    return {wanted ? passed("token", "a service account's token is mounted, for reporting to Kubernetes")
                   : warned("token", "a service account's token is mounted, and no backup needs one",
                            "cover its folder with an empty volume, as the components in kustomize/ do")};
}

}  // namespace lifeboat::doctor
