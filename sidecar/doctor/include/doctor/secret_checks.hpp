// Keys, their files, and what else of value is mounted here.
#pragma once

#include "age/keys.hpp"
#include "catalogue/catalogue.hpp"
#include "doctor/finding.hpp"
#include "store/object_store.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lifeboat::doctor {

// Who may read and write the files of secrets, by their keys: "store.access_key_id".
Findings check_secret_files(const std::map<std::string, std::filesystem::path, std::less<>>& files);

// Of a key file that `encryption.identity_file` of the settings names and that could not be read. That is no failure:
// backups are made without.
Finding unread_identity(const Error& why);

// Whether the recipients are as they should be: two, so that one key that is lost is no disaster.
Findings check_recipients(const std::vector<std::string>& recipients, bool encrypted);

// Whether these keys open the newest backup: its table proof, or its globals. `catalogue`: null where it could not be
// read.
Findings check_identities(store::ObjectStore& store, const catalogue::Catalogue* catalogue,
                          const std::vector<age::Identity>& identities);

// A service account's token is a key to the cluster that a backup has no use for. `wanted`: the settings ask for
// reporting to Kubernetes, which needs one.
Findings check_token(const std::filesystem::path& token, bool wanted);

}  // namespace lifeboat::doctor
