// Where things lie in the store, below its prefix. Others read this layout: it changes only with the
// manifest's format number.
#pragma once

#include "catalogue/backup_id.hpp"
#include "store/object_key.hpp"

#include <optional>
#include <string>

namespace lifeboat::catalogue {

enum class Encrypted { no, yes };

// The keys of one instance.
//
//   <instance>/manifests/<id>.json                 commit marker of a whole backup
//   <instance>/partial/<id>.json                   the same for a run in which some databases failed
//   <instance>/data/<id>/<db>.dump.zst.age         one custom-format archive per database
//   <instance>/data/<id>/globals.sql.zst.age       roles, memberships, tablespaces, parameter grants
//   <instance>/data/<id>/tables.json.zst.age       the table proof: docs/proof.md
//   <instance>/drills/<id>/<time>.json             what a drill of the backup came to: docs/drill.md
//   <instance>/drills/<id>/<time>.report.json.zst.age  all that it found, names of tables among it
//   <instance>/accepted/<id>.json                  an owner's word on a marked backup
//   <instance>/RESTORE.txt                         how to restore with standard tools
//
// Without encryption the ".age" is missing.
class Layout {
public:
    // An instance name is [a-z0-9][a-z0-9-]{0,62}.
    static Result<Layout> of(const std::string& instance);

    [[nodiscard]] const std::string& instance() const noexcept { return instance_; }
    [[nodiscard]] std::string prefix() const { return instance_ + "/"; }

    [[nodiscard]] store::ObjectKey manifest(const BackupId& id) const;
    [[nodiscard]] store::ObjectKey partial_manifest(const BackupId& id) const;
    [[nodiscard]] store::ObjectKey database(const BackupId& id, const std::string& name, Encrypted encrypted) const;
    [[nodiscard]] store::ObjectKey globals(const BackupId& id, Encrypted encrypted) const;
    [[nodiscard]] store::ObjectKey proof(const BackupId& id, Encrypted encrypted) const;
    [[nodiscard]] store::ObjectKey acceptance(const BackupId& id) const;
    // `started`: of the drill, in whole seconds.
    [[nodiscard]] store::ObjectKey drill_result(const BackupId& id, os::TimePoint started) const;
    [[nodiscard]] store::ObjectKey drill_report(const BackupId& id, os::TimePoint started, Encrypted encrypted) const;
    [[nodiscard]] store::ObjectKey restore_text() const;
    [[nodiscard]] std::string manifests_prefix() const { return prefix() + "manifests/"; }
    [[nodiscard]] std::string partials_prefix() const { return prefix() + "partial/"; }
    [[nodiscard]] std::string acceptances_prefix() const { return prefix() + "accepted/"; }
    [[nodiscard]] std::string data_prefix(const BackupId& id) const;
    [[nodiscard]] std::string drills_prefix(const BackupId& id) const;

private:
    explicit Layout(std::string instance) : instance_(std::move(instance)) {}
    std::string instance_;
};

// What a key of an instance is.
enum class KeyKind { manifest, partial_manifest, data, accepted, drill_result, drill_report, other };

struct KeyPlace {
    KeyKind kind = KeyKind::other;
    std::optional<BackupId> id;  // for all but other
};

// The key of `object` must begin with `layout.prefix()`.
KeyPlace place_of(const Layout& layout, const store::ObjectKey& object);

// A name of only a-z0-9_- is its own; any other is its letters, digits, - and _, a dot, and the first eight hex
// digits of its SHA-256, so that two names never share a key.
std::string database_file_name(const std::string& database);

}  // namespace lifeboat::catalogue
