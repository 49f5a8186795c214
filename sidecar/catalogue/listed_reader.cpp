#include "listed_reader.hpp"

#include <utility>

namespace lifeboat::catalogue {
namespace {

// Said by the store of this object alone: the same key reads others, and the same listing shows it.
Error given_to_nobody(const store::ObjectKey& key, const Error& said) {
    const std::string why = said.kind == ErrorKind::not_found ? "the store lists it and does not give it out: " : "";
    return {ErrorKind::corrupt, "'" + key.text() + "' cannot be read: " + why + said.what,
            "find out who may write into the store: what is encrypted with a key of its writer's own looks like that"};
}

}  // namespace

Result<std::string> ListedReader::read(const store::ObjectInfo& object, std::uint64_t limit) {
    auto text = store::get(store_, object.key, object.version_id, limit);
    if (text) {
        readable_ = object;
        return text;
    }
    const Error said = std::move(text).error();
    if (said.kind == ErrorKind::failed) {
        if (auto may = check_may_read(said); !may) {
            return std::move(may).error();
        }
    } else if (said.kind != ErrorKind::not_found) {
        return said;
    }
    auto listed = is_listed(object);
    if (!listed) {
        return std::move(listed).error();
    }
    return *listed ? given_to_nobody(object.key, said)
                   : Error{ErrorKind::not_found, "'" + object.key.text() + "' is gone since it was listed", {}};
}

// This very version, or any where this listing shows none (the right to see them was lost meanwhile): what is there
// must not pass for gone.
Result<bool> ListedReader::is_listed(const store::ObjectInfo& object) {
    bool there = false;
    auto listed = store_.list(object.key.text(), [&](const store::ObjectInfo& info) {
        const bool same = info.version_id == object.version_id || info.version_id.empty();
        there = there || (info.key == object.key && same && !info.hide_marker);
        return done();
    });
    return listed ? Result<bool>(there) : std::move(listed).error();
}

// A refusal may be the key's or the object's. The key's it is where what it could read before is refused as well, by
// now: rights are taken away and caps are reached in the midst of a look, too.
Status ListedReader::check_may_read(const Error& said) {
    if (!readable_) {
        if (auto found = find_restore_text(); !found) {
            return found;
        }
    }
    if (!readable_) {
        return said;
    }
    const auto text = store::get(store_, readable_->key, readable_->version_id, largest_manifest);
    if (text) {
        return done();
    }
    const bool unheard = text.error().kind == ErrorKind::temporary || text.error().kind == ErrorKind::interrupted;
    return unheard ? text.error() : said;
}

// It lies beside every backup. Its oldest version is what a backup wrote.
Status ListedReader::find_restore_text() {
    return store_.list(layout_.restore_text().text(), [&](const store::ObjectInfo& info) {
        if (!readable_ && !info.hide_marker) {
            readable_ = info;
        }
        return done();
    });
}

namespace {

Result<Manifest> as_manifest(const std::string& json, const Layout& layout, KeyKind kind, const BackupId& id) {
    auto manifest = parse_manifest(json, layout, id);
    if (!manifest) {
        return manifest;
    }
    auto placed = check_place(*manifest, kind);
    return placed ? std::move(manifest) : std::move(placed).error();
}

}  // namespace

Result<ManifestSearch> find_manifest(ListedReader& reader, const Layout& layout, KeyKind kind, const BackupId& id,
                                     const std::vector<store::ObjectInfo>& versions) {
    ManifestSearch search;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (versions[i].hide_marker) {
            continue;
        }
        auto json = reader.read(versions[i], largest_manifest);
        if (!json && json.error().kind == ErrorKind::not_found && !search.refused) {
            return search;  // pruned since it was listed: the oldest goes last
        }
        if (!json && json.error().kind != ErrorKind::corrupt && json.error().kind != ErrorKind::not_found) {
            return std::move(json).error();
        }
        auto manifest = json ? as_manifest(*json, layout, kind, id) : Result<Manifest>(json.error());
        if (manifest) {
            const bool first = !search.refused.has_value();
            return ManifestSearch{FoundManifest{*std::move(manifest), *std::move(json), i, first}, std::nullopt};
        }
        if (!search.refused) {
            search.refused = std::move(manifest).error();
        }
    }
    return search;
}

}  // namespace lifeboat::catalogue
